using Kvmi.Policy.Engine.Output;

namespace Kvmi.Policy.Host.Doctor;

/// <summary>One thing that doctor found.</summary>
/// <param name="Check">Stable name of the check.</param>
/// <param name="Status">How bad it is.</param>
/// <param name="Found">One sentence.</param>
/// <param name="Advice">What to do; null where nothing has to be done.</param>
internal sealed record DoctorFinding(string Check, DoctorStatus Status, string Found, string? Advice = null)
{
    /// <summary>The numbers behind the sentence.</summary>
    public IReadOnlyList<OutputField> Fields { get; init; } = [];
}
