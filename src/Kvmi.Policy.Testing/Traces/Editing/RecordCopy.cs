using Kvmi.Policy.Testing.Traces.Format;
using Kvmi.Policy.Testing.Traces.Records;

namespace Kvmi.Policy.Testing.Traces.Editing;

/// <summary>Writes a record of one trace into another.</summary>
internal static class RecordCopy
{
    public static void Write(TraceWriter writer, TraceRecord record)
    {
        var (connection, time) = (record.Connection, record.Nanoseconds);
        switch (record)
        {
            case TraceVm vm: writer.Write(vm, connection, time); break;
            case TraceMessage message: writer.Write(message, connection, time); break;
            case TraceDecision decision: writer.Write(decision, connection, time); break;
            case TracePolicy policy: writer.Write(policy, time); break;
            case TraceGap gap: writer.WriteGap(connection, time, Math.Max(0, gap.Lost)); break;
            case TraceDetached detached: writer.Write(detached, connection, time); break;

            // Contents follow the messages that refer to them; the end is the writer's own.
            case TraceContents or TraceEnd: break;
            default: throw new ArgumentException($"There is no way to copy a {record.GetType().Name}.", nameof(record));
        }
    }
}
