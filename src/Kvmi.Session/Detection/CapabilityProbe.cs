using System.Collections.Frozen;
using Kvmi.Protocol;
using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Dialects;
using Kvmi.Session.Handshake;
using Kvmi.Session.Vm;

namespace Kvmi.Session.Detection;

/// <summary>
/// Asks a peer of known dialect what its administrator allows: CHECK_COMMAND and CHECK_EVENT for every id that the dialect knows
/// (kvmi-later-dialects.md 1.7), all in one write, and the numbers of the VM.
/// </summary>
internal sealed class CapabilityProbe
{
    /// <summary>More vCPUs than any KVM has: a larger number is no vCPU count.</summary>
    public const int MaxVcpus = 4096;

    private readonly RequestChannel _requests;
    private readonly Dialect _dialect;

    public CapabilityProbe(RequestChannel requests, Dialect dialect)
    {
        _requests = requests;
        _dialect = dialect;
    }

    /// <summary>Asks.</summary>
    /// <exception cref="PeerRefusedException">The peer does not answer, answers wrongly, or hides the number of vCPUs.</exception>
    public (VmCapabilities Capabilities, int VcpuCount) Run(ulong features)
    {
        var commandIds = Enum.GetValues<CommandKind>().Where(kind => _dialect.TryGetCommandId(kind, out _)).ToArray();
        var eventIds = Enum.GetValues<EventKind>().Where(kind => _dialect.TryGetEventId(kind, out _)).ToArray();
        var commands = Check(CommandKind.CheckCommand, commandIds, WriteCheckCommand);
        var events = Check(CommandKind.CheckEvent, eventIds, WriteCheckEvent);
        if (!commands.Contains(CommandKind.GetVmInfo))
        {
            throw new PeerRefusedException(
                "the administrator of the VM does not allow GET_VM_INFO, which tells the number of vCPUs; allow it in the introspection object");
        }

        var capabilities = new VmCapabilities
        {
            Dialect = _dialect.Id,
            Commands = commands,
            Events = events,
            Features = features,
            MaxGfn = commands.Contains(CommandKind.GetMaxGfn) ? ReadMaxGfn() : null,
        };
        return (capabilities, ReadVcpuCount());
    }

    private FrozenSet<T> Check<T>(CommandKind command, T[] asked, Action<T> write)
    {
        if (!_dialect.TryGetCommandId(command, out var id))
        {
            return asked.ToFrozenSet();
        }

        var first = _requests.NextSequence;
        foreach (var kind in asked)
        {
            write(kind);
        }

        _requests.Send();
        var allowed = new HashSet<T>();
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
            if (ReadError(payload, command) == KvmiError.None)
            {
                allowed.Add(asked[index]);
            }
        }

        return allowed.ToFrozenSet();
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
