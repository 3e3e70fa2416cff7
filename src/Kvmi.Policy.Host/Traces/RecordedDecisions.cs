using Kvmi.Policy.Testing.Replay;
using Kvmi.Policy.Testing.Traces;
using Kvmi.Policy.Testing.Traces.Records;
using Kvmi.Protocol.Dialects;

namespace Kvmi.Policy.Host.Traces;

/// <summary>The events of a trace with the decisions that it holds, without a replay.</summary>
internal static class RecordedDecisions
{
    public static IEnumerable<(ReplayStep At, TraceDecision Decision)> Of(TraceFile trace)
    {
        Dictionary<uint, (string Name, Dialect Dialect)> vms = [];
        Dictionary<(uint Connection, uint Sequence), ReplayStep> open = [];
        foreach (var record in trace.Records())
        {
            switch (record)
            {
                case TraceVm vm when Dialect.All.FirstOrDefault(dialect => dialect.Name == vm.Dialect) is { } dialect:
                    vms[vm.Connection] = (NameOf(vm), dialect);
                    break;
                case TraceMessage { Event: not 0 } message when vms.TryGetValue(message.Connection, out var vm):
                    if (ReplayStep.Unreplayed(vm.Dialect, vm.Name, message) is { } step)
                    {
                        open[(message.Connection, step.Sequence)] = step;
                    }

                    break;
                case TraceDecision decision when open.Remove((decision.Connection, decision.Sequence), out var at):
                    yield return (at, decision);
                    break;
                default:
                    break;
            }
        }
    }

    /// <summary>How a VM is called in output.</summary>
    public static string NameOf(TraceVm vm) => vm.Name.Length > 0 ? vm.Name : vm.Uuid.ToString();
}
