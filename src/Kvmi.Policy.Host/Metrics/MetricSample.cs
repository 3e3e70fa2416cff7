using Kvmi.Policy.Engine.Summary;

namespace Kvmi.Policy.Host.Metrics;

/// <summary>One value of a metric. The labels stand in the order of the metric's label names.</summary>
/// <param name="Labels">Values of the labels; may come from a guest's owner, so whoever writes them escapes them.</param>
/// <param name="Value">The value; for a histogram 0.</param>
/// <param name="Times">The times of a histogram; null for others.</param>
internal readonly record struct MetricSample(string[] Labels, double Value, LatencyHistogram? Times = null);
