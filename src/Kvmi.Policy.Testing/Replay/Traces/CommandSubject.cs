using Kvmi.Protocol;

namespace Kvmi.Policy.Testing.Replay.Traces;

/// <summary>What a command was about, as far as its answer depends on it.</summary>
/// <param name="Kind">The command.</param>
/// <param name="Vcpu">Its vCPU; 0 for commands about the VM.</param>
/// <param name="Subject">Event, register, MSR or page frame; 0 for none.</param>
internal readonly record struct CommandSubject(CommandKind Kind, ushort Vcpu, ulong Subject);
