using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Output;
using Kvmi.Policy.Host.Sinks;
using Kvmi.Protocol;

namespace Kvmi.Policy.Host.Tests.Sinks;

/// <summary>Records and batches for sinks.</summary>
internal static class SinkLines
{
    public static readonly DateTimeOffset Time = new(2026, 3, 1, 12, 30, 45, 123, TimeSpan.Zero);

    public static NoticeOutput Alert(string name = "a", PolicySeverity severity = PolicySeverity.High, string vm = "web01", params OutputField[] fields) => new()
    {
        Time = Time,
        Vm = vm,
        IsAlert = true,
        Policy = "t0.test",
        Name = name,
        Severity = severity,
        Mode = PolicyMode.Enforce,
        Vcpu = 1,
        Event = EventKind.Msr,
        Fields = fields,
    };

    public static SinkBatch Batch(params OutputRecord[] records) => new(1, records);

    public static IRecordSink Open(string sink) => SinkSpec.Parse(sink).Open(TimeProvider.System);
}
