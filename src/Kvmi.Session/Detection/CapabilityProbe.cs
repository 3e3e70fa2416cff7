using System.Collections.Frozen;
using Kvmi.Protocol;
using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Dialects;
using Kvmi.Protocol.Handshake;
using Kvmi.Session.Handshake;
using Kvmi.Session.Vm;

namespace Kvmi.Session.Detection;

/// <summary>
/// Asks a peer of known dialect what its administrator allows: CHECK_COMMAND and CHECK_EVENT for every id that the dialect knows
/// (kvmi-later-dialects.md 1.7), all in one write, and the numbers of the VM. rfc-v5 has said it in the masks of GET_VERSION (rfc-v5 2.2).
/// </summary>
internal sealed class CapabilityProbe
{
    /// <summary>More vCPUs than any KVM has: a larger number is no vCPU count.</summary>
    public const int MaxVcpus = 4096;

    private const uint RamEntry = 1;
    private const ulong FrameSize = 4096;

    private readonly RequestChannel _requests;
    private readonly Dialect _dialect;

    public CapabilityProbe(RequestChannel requests, Dialect dialect)
    {
        _requests = requests;
        _dialect = dialect;
    }

    /// <summary>Asks.</summary>
    /// <param name="version">What GET_VERSION said.</param>
    /// <param name="hello">What the device manager said, for dialects that cannot be asked how much memory there is.</param>
    /// <exception cref="PeerRefusedException">The peer does not answer, answers wrongly, or hides the number of vCPUs.</exception>
    public (VmCapabilities Capabilities, int VcpuCount) Run(VersionReply version, HelloRecord hello)
    {
        var allCommands = Enum.GetValues<CommandKind>().Where(kind => _dialect.TryGetCommandId(kind, out _)).ToArray();
        var allEvents = Enum.GetValues<EventKind>().Where(kind => _dialect.TryGetEventId(kind, out _)).ToArray();
        var commands = Check(CommandKind.CheckCommand, allCommands, WriteCheckCommand, kind => IsInMask(version.CommandMask, kind));
        var events = Check(CommandKind.CheckEvent, allEvents, WriteCheckEvent, kind => IsInMask(version.EventMask, kind));
        if (!commands.Allowed.Contains(CommandKind.GetVmInfo))
        {
            throw new PeerRefusedException(
                "the administrator of the VM does not allow GET_VM_INFO, which tells the number of vCPUs; allow it in the introspection object");
        }

        var capabilities = new VmCapabilities
        {
            Dialect = _dialect.Id,
            Commands = commands.Allowed,
            ForbiddenCommands = commands.Forbidden,
            AbsentCommands = commands.Absent,
            Events = events.Allowed,
            ForbiddenEvents = events.Forbidden,
            AbsentEvents = events.Absent,
            Features = version.Features,
            MaxPayload = version.MaxMessageSize is > 0 and <= ushort.MaxValue ? (int)version.MaxMessageSize : _dialect.MaxPayload,
            MaxGfn = (commands.Allowed.Contains(CommandKind.GetMaxGfn) ? ReadMaxGfn() : null) ?? EndOfMemory(hello),
        };
        return (capabilities, ReadVcpuCount());
    }

    /// <summary>End of memory by the hello, in frames: what kvmi-v12 QEMU says, or the memory map of QEMU 2.11.93 (kvmi-later-dialects.md 2.2).</summary>
    private static ulong? EndOfMemory(HelloRecord hello)
    {
        var end = hello.MaxGpa ?? 0;
        foreach (var entry in hello.E820)
        {
            // The entries are the peer's: a sum that wraps says nothing.
            end = entry.Type == RamEntry && entry.Address + entry.Length > entry.Address ? Math.Max(end, entry.Address + entry.Length) : end;
        }

        return end == 0 ? null : end / FrameSize;
    }

    private bool IsInMask(uint mask, CommandKind kind) => _dialect.TryGetCommandId(kind, out var id) && id < 32 && (mask & (1u << id)) != 0;

    private bool IsInMask(uint mask, EventKind kind) => _dialect.TryGetEventId(kind, out var id) && id < 32 && (mask & (1u << id)) != 0;

    private (FrozenSet<T> Allowed, FrozenSet<T> Forbidden, FrozenSet<T> Absent) Check<T>(
        CommandKind command, T[] asked, Action<T> write, Func<T, bool> isInMask)
    {
        if (!_dialect.TryGetCommandId(command, out var id))
        {
            return (asked.Where(isInMask).ToFrozenSet(), asked.Where(kind => !isInMask(kind)).ToFrozenSet(), []);
        }

        var first = _requests.NextSequence;
        foreach (var kind in asked)
        {
            write(kind);
        }

        _requests.Send();
        var allowed = new HashSet<T>();
        var forbidden = new HashSet<T>();
        var answered = new bool[asked.Length];
        for (var i = 0; i < asked.Length; i++)
        {
            if (!_requests.TryRead(out var header, out var payload, out var silence))
            {
                throw new PeerRefusedException($"{command} was not answered: {silence}");
            }

            var index = header.Sequence - first;
            if (header.Id != id || index >= asked.Length || answered[index])
            {
                throw new PeerRefusedException(
                    $"{command} (id {id}, seq {first} to {first + asked.Length - 1}) was answered by a message with id {header.Id}, seq {header.Sequence}");
            }

            answered[index] = true;
            switch (ReadError(payload, command))
            {
                case KvmiError.None:
                    allowed.Add(asked[index]);
                    break;
                case KvmiError.NotPermitted:
                    forbidden.Add(asked[index]);
                    break;
                default:
                    break;
            }
        }

        return (allowed.ToFrozenSet(), forbidden.ToFrozenSet(), asked.Except(allowed).Except(forbidden).ToFrozenSet());
    }

    private void WriteCheckCommand(CommandKind kind)
    {
        _dialect.TryGetCommandId(kind, out var id);
        _requests.Channel.Commit(_dialect.Write(_requests.Channel.Output, _requests.TakeSequence(), new CheckCommand(id)));
    }

    private void WriteCheckEvent(EventKind kind)
    {
        _dialect.TryGetEventId(kind, out var id);
        _requests.Channel.Commit(_dialect.Write(_requests.Channel.Output, _requests.TakeSequence(), new CheckEvent(id)));
    }

    private KvmiError ReadError(ReadOnlySpan<byte> payload, CommandKind command) =>
        _dialect.ReadReply(payload, out KvmiError error, out _) == DecodeStatus.Ok
            ? error
            : throw new PeerRefusedException($"the reply to {command} is malformed ({payload.Length} payload bytes)");

    private ReadOnlySpan<byte> Ask(CommandKind command, out KvmiError error)
    {
        _dialect.TryGetCommandId(command, out var id);
        var sequence = _requests.TakeSequence();
        _requests.Channel.Commit(_dialect.WriteEmpty(_requests.Channel.Output, sequence, command));
        _requests.Send();
        var payload = _requests.Read(id, sequence, command.ToString());
        return _dialect.ReadReply(payload, out error, out var data) == DecodeStatus.Ok
            ? data
            : throw new PeerRefusedException($"the reply to {command} is malformed ({payload.Length} payload bytes)");
    }

    private int ReadVcpuCount()
    {
        var data = Ask(CommandKind.GetVmInfo, out var error);
        if (error != KvmiError.None || _dialect.ReadReply(data, out VmInfoReply info) != DecodeStatus.Ok)
        {
            throw new PeerRefusedException($"GET_VM_INFO answers error {(int)error} and {data.Length} bytes; the number of vCPUs is needed");
        }

        return info.VcpuCount is >= 1 and <= MaxVcpus
            ? (int)info.VcpuCount
            : throw new PeerRefusedException($"GET_VM_INFO tells {info.VcpuCount} vCPUs; 1 to {MaxVcpus} are possible");
    }

    private ulong? ReadMaxGfn()
    {
        var data = Ask(CommandKind.GetMaxGfn, out var error);
        return error == KvmiError.None && _dialect.ReadNumberReply(data, out var gfn) == DecodeStatus.Ok ? gfn : null;
    }
}
