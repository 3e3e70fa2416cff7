using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Output;
using Kvmi.Policy.Host.Control;

namespace Kvmi.Policy.Host.Sinks;

/// <summary>Which lines a sink gets.</summary>
/// <param name="Records">Kinds, policy and VM.</param>
/// <param name="Least">Least severity of alerts and records; other lines have none and are not kept away by it.</param>
internal sealed record SinkFilter(RecordFilter Records, PolicySeverity Least)
{
    /// <summary>True when the sink gets the line.</summary>
    public bool Matches(OutputRecord record) => record switch
    {
        // Written only while somebody looks on through the control socket.
        DecisionOutput { IsHarmless: true } => false,
        NoticeOutput notice when notice.Severity < Least => false,
        SuppressedAlertsOutput suppressed when suppressed.Severity < Least => false,
        _ => Records.Matches(record),
    };
}
