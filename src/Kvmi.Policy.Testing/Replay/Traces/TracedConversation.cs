using Kvmi.Policy.Engine.Runtime;
using Kvmi.Policy.Testing.Traces.Records;
using Kvmi.Protocol.Dialects;

namespace Kvmi.Policy.Testing.Replay.Traces;

/// <summary>One connection of a trace while it is replayed.</summary>
internal sealed class TracedConversation
{
    public required Dialect Dialect { get; init; }

    public required TracedVm Vm { get; init; }

    public required RecordedCommands Commands { get; init; }

    public required VmPolicyHandler Handler { get; init; }

    /// <summary>Events that have come and were not answered yet.</summary>
    public Dictionary<uint, TraceMessage> Events { get; } = [];

    /// <summary>Decisions of events that were not answered yet.</summary>
    public Dictionary<uint, TraceDecision> Decisions { get; } = [];

    public bool IsAttached { get; set; }

    public string Name => Vm.Identity.Name.Length > 0 ? Vm.Identity.Name : Vm.Identity.Uuid.ToString();
}
