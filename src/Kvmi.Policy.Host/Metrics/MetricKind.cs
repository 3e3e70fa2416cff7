namespace Kvmi.Policy.Host.Metrics;

/// <summary>Kind of a metric; the words of the exposition format are the names in lower case.</summary>
internal enum MetricKind
{
    /// <summary>Only grows, from 0 at the start of the host or of the VM.</summary>
    Counter,

    /// <summary>Goes up and down.</summary>
    Gauge,

    /// <summary>Times in buckets.</summary>
    Histogram,
}
