namespace Kvmi.Benchmarks.Figures;

/// <summary>Median, least and most of one figure over the rounds.</summary>
internal readonly record struct Spread(double Median, double Min, double Max)
{
    /// <summary>Of some values.</summary>
    public static Spread Of(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        if (sorted.Length == 0)
        {
            return new Spread(double.NaN, double.NaN, double.NaN);
        }

        var middle = sorted.Length / 2;
        var median = sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
        return new Spread(median, sorted[0], sorted[^1]);
    }

    /// <summary>Of the ratios of two figures, round by round: what slows the machine down for a while slows both down.</summary>
    public static Spread OfRatios(IEnumerable<double> values, IEnumerable<double> baseline) =>
        Of(values.Zip(baseline, (value, other) => value / other));
}
