namespace Kvmi.Benchmarks.Figures;

/// <summary>Figures of one tool in units of another one's, round by round.</summary>
internal sealed class Ratios(IReadOnlyList<Round> rounds, IReadOnlyList<Round> baseline)
{
    public Spread Rate => Of(round => round.Rate);

    public Spread P50 => Of(round => round.P50);

    public Spread P99 => Of(round => round.P99);

    public Spread P999 => Of(round => round.P999);

    /// <summary>Processor time for each event.</summary>
    public Spread Processor => Of(round => round.ProcessorMicroseconds);

    private Spread Of(Func<Round, double> figure) => Spread.OfRatios(rounds.Select(figure), baseline.Select(figure));
}
