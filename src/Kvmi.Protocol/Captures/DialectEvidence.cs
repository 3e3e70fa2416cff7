using System.Globalization;

namespace Kvmi.Protocol.Captures;

/// <summary>
/// Points for and against one dialect. Proof is a shape that no other dialect has; a size that fits the id is a hint, and a size
/// that does not is a stronger one, because ids of one dialect mean something else in another.
/// </summary>
internal sealed class DialectEvidence
{
    private const int ProofPoints = 1000;
    private const int FitPoints = 1;
    private const int MisfitPoints = -3;

    public DialectEvidence(KvmiDialect dialect) => Dialect = dialect;

    public KvmiDialect Dialect { get; }

    public int Points { get; private set; }

    /// <summary>The first proof; null when there is none.</summary>
    public string? Proof { get; private set; }

    public int Fits { get; private set; }

    public int Misfits { get; private set; }

    public string Summary => Proof ?? string.Create(CultureInfo.InvariantCulture, $"{Fits} message sizes fit, {Misfits} do not");

    public void Prove(string proof)
    {
        Points += ProofPoints;
        Proof ??= proof;
    }

    public void Judge(bool fits)
    {
        Points += fits ? FitPoints : MisfitPoints;
        Fits += fits ? 1 : 0;
        Misfits += fits ? 0 : 1;
    }
}
