using Kvmi.Policy.Engine.Summary;

namespace Kvmi.Policy.Host.Control.Contract;

/// <summary>Quantiles of a time, in nanoseconds.</summary>
internal sealed record TimesReply(long Count, long P50, long P99, long Max)
{
    public static TimesReply Of(LatencyHistogram times) => new(times.Count, times.Quantile(0.5), times.Quantile(0.99), times.Max);
}
