namespace Kvmi.Benchmarks;

/// <summary>Settings of all benchmarks.</summary>
/// <param name="Rounds">Rounds for each tool.</param>
/// <param name="Time">Length of a round.</param>
/// <param name="WarmUp">Load on the product before the first round.</param>
/// <param name="Json">JSON lines instead of tables.</param>
/// <param name="Histogram">The distribution of the times as well.</param>
internal sealed record BenchOptions(int Rounds, TimeSpan Time, TimeSpan WarmUp, bool Json, bool Histogram);
