using System.Globalization;
using Kvmi.Protocol;
using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Dialects;
using Kvmi.Protocol.Registers;
using Kvmi.Session.Transport;

namespace Kvmi.Session.Vm;

/// <summary>Commands: each one is sent together with the replies that wait, and its answer is fished out of the incoming events.</summary>
internal sealed partial class VmConnection
{
    private const int PageSize = 4096;
    private const int RegistersFixedBytes = 8 + 472;
    private const int MsrEntryBytes = 16;

    private readonly int[] _commandIds;
    private readonly HashSet<ushort> _unknownEvents = [];
    private uint _sequence;

    /// <inheritdoc/>
    public KvmiError ControlVmEvents(EventKind kind, bool enable)
    {
        Begin();
        return _dialect.TryGetEventId(kind, out var id)
            ? Run(CommandKind.ControlVmEvents, _dialect.Write(_channel.Output, _sequence, new ControlVmEvents(id, Flag(enable))))
            : KvmiError.NotSupported;
    }

    /// <inheritdoc/>
    public KvmiError ControlEvents(ushort vcpu, EventKind kind, bool enable)
    {
        Begin();
        return _dialect.TryGetEventId(kind, out var id)
            ? Run(CommandKind.ControlEvents, _dialect.Write(_channel.Output, _sequence, new ControlEvents(vcpu, id, Flag(enable))))
            : KvmiError.NotSupported;
    }

    /// <inheritdoc/>
    public KvmiError ControlCr(ushort vcpu, uint cr, bool enable)
    {
        Begin();
        return Run(CommandKind.ControlCr, _dialect.Write(_channel.Output, _sequence, new ControlCr(vcpu, cr, Flag(enable))));
    }

    /// <inheritdoc/>
    public KvmiError ControlMsr(ushort vcpu, uint msr, bool enable)
    {
        Begin();
        return Run(CommandKind.ControlMsr, _dialect.Write(_channel.Output, _sequence, new ControlMsr(vcpu, msr, Flag(enable))));
    }

    /// <inheritdoc/>
    public KvmiError SetPageAccess(ReadOnlySpan<PageAccessEntry> entries)
    {
        var first = KvmiError.None;
        while (!entries.IsEmpty)
        {
            Begin();
            var part = entries[..Math.Min(entries.Length, _dialect.MaxPageAccessEntries)];
            var error = Run(CommandKind.SetPageAccess, _dialect.WriteSetPageAccess(_channel.Output, _sequence, 0, part));
            first = first == KvmiError.None ? error : first;
            entries = entries[part.Length..];
        }

        return first;
    }

    /// <inheritdoc/>
    public KvmiError ReadPhysical(ulong gpa, Span<byte> destination)
    {
        while (!destination.IsEmpty)
        {
            Begin();
            var size = Math.Min(destination.Length, PageSize - (int)(gpa % PageSize));
            var length = _dialect.Write(_channel.Output, _sequence, new ReadPhysical(gpa, (ulong)size));
            var error = Run(CommandKind.ReadPhysical, length, out var data);
            if (error != KvmiError.None)
            {
                return error;
            }

            if (data.Length != size)
            {
                throw Malformed(CommandKind.ReadPhysical, data.Length, size);
            }

            data.CopyTo(destination);
            destination = destination[size..];
            gpa += (ulong)size;
        }

        return KvmiError.None;
    }

    /// <inheritdoc/>
    public KvmiError WritePhysical(ulong gpa, ReadOnlySpan<byte> source)
    {
        while (!source.IsEmpty)
        {
            Begin();
            var size = Math.Min(source.Length, PageSize - (int)(gpa % PageSize));
            var error = Run(
                CommandKind.WritePhysical, _dialect.Write(_channel.Output, _sequence, new WritePhysical(gpa, source[..size])));
            if (error != KvmiError.None)
            {
                return error;
            }

            source = source[size..];
            gpa += (ulong)size;
        }

        return KvmiError.None;
    }

    /// <inheritdoc/>
    public KvmiError GetRegisters(ushort vcpu, out VcpuState state, Span<MsrEntry> msrs)
    {
        Begin();
        var most = (_dialect.MaxPayload - RegistersFixedBytes) / MsrEntryBytes;
        if (msrs.Length > most)
        {
            throw new ArgumentException($"GET_REGISTERS reads at most {most} MSRs, {msrs.Length} are asked for.", nameof(msrs));
        }

        state = default;
        Span<uint> indexes = stackalloc uint[msrs.Length];
        for (var i = 0; i < msrs.Length; i++)
        {
            indexes[i] = msrs[i].Index;
        }

        var error = Run(CommandKind.GetRegisters, _dialect.WriteGetRegisters(_channel.Output, _sequence, vcpu, indexes), out var data);
        if (error != KvmiError.None)
        {
            return error;
        }

        if (_dialect.ReadReply(data, out RegistersReply reply) != DecodeStatus.Ok || reply.MsrCount != msrs.Length)
        {
            throw Malformed(CommandKind.GetRegisters, data.Length, RegistersFixedBytes - 8 + (msrs.Length * MsrEntryBytes));
        }

        state.Mode = reply.Mode;
        state.Regs = reply.Regs;
        state.Sregs = reply.Sregs;
        for (var i = 0; i < msrs.Length; i++)
        {
            msrs[i] = reply.Msr(i);
            FillMsr(ref state.Msrs, msrs[i]);
        }

        return KvmiError.None;
    }

    /// <inheritdoc/>
    public KvmiError SetRegisters(ushort vcpu, in KvmRegs regs)
    {
        Begin();
        return Run(CommandKind.SetRegisters, _dialect.WriteSetRegisters(_channel.Output, _sequence, vcpu, in regs));
    }

    /// <inheritdoc/>
    public KvmiError InjectException(ushort vcpu, byte vector, uint errorCode, ulong address)
    {
        Begin();
        return Run(
            CommandKind.InjectException,
            _dialect.Write(_channel.Output, _sequence, new InjectException(vcpu, vector, errorCode, address)));
    }

    /// <inheritdoc/>
    public KvmiError PauseVcpu(ushort vcpu, bool wait)
    {
        Begin();
        return Run(CommandKind.PauseVcpu, _dialect.Write(_channel.Output, _sequence, new PauseVcpu(vcpu, wait)));
    }

    /// <inheritdoc/>
    public KvmiError GetMaxGfn(out ulong gfn)
    {
        Begin();
        gfn = 0;
        if (_commandIds[(int)CommandKind.GetMaxGfn] < 0)
        {
            return KvmiError.NotSupported;
        }

        var error = Run(CommandKind.GetMaxGfn, _dialect.WriteEmpty(_channel.Output, _sequence, CommandKind.GetMaxGfn), out var data);
        return error == KvmiError.None && _dialect.ReadNumberReply(data, out gfn) != DecodeStatus.Ok
            ? throw Malformed(CommandKind.GetMaxGfn, data.Length, 8)
            : error;
    }

    private static int[] CommandTable(Dialect dialect)
    {
        var table = new int[Enum.GetValues<CommandKind>().Length];
        foreach (var kind in Enum.GetValues<CommandKind>())
        {
            table[(int)kind] = dialect.TryGetCommandId(kind, out var id) ? id : -1;
        }

        return table;
    }

    private static byte Flag(bool enable) => enable ? (byte)1 : (byte)0;

    private static void FillMsr(ref KvmEventMsrs msrs, MsrEntry entry)
    {
        switch (entry.Index)
        {
            case 0x174: msrs.SysenterCs = entry.Value; break;
            case 0x175: msrs.SysenterEsp = entry.Value; break;
            case 0x176: msrs.SysenterEip = entry.Value; break;
            case 0x277: msrs.Pat = entry.Value; break;
            case 0xC000_0080: msrs.Efer = entry.Value; break;
            case 0xC000_0081: msrs.Star = entry.Value; break;
            case 0xC000_0082: msrs.Lstar = entry.Value; break;
            case 0xC000_0083: msrs.Cstar = entry.Value; break;
            case 0xC000_0102: msrs.ShadowGs = entry.Value; break;
            default: break;
        }
    }

    private void Begin()
    {
        if (Environment.CurrentManagedThreadId != _owner)
        {
            throw new InvalidOperationException(
                $"Commands to VM '{Identity.Name}' belong to its owner thread; call them from a member of its handler.");
        }

        ThrowIfLost();
        MakeRoom();
    }

    private KvmiError Run(CommandKind kind, int length) => Run(kind, length, out _);

    /// <summary>Sends the command just written and waits for its answer; events that come first are queued.</summary>
    private KvmiError Run(CommandKind kind, int length, out ReadOnlySpan<byte> data)
    {
        var sequence = _sequence++;
        var id = (ushort)_commandIds[(int)kind];
        _channel.Commit(length);
        _statistics.Command();
        FlushOrLose();
        Deadline? deadline = null;
        while (true)
        {
            while (TryTake(out var header, out var message))
            {
                if (_dialect.Classify(MessageDirection.KernelToTool, header.Id) == MessageRole.Event)
                {
                    Enqueue(in header, message);
                    continue;
                }

                if (header.Id != id || header.Sequence != sequence)
                {
                    throw Lose(
                        DetachReason.ProtocolError,
                        $"{kind} (id {id}, seq {sequence}) was answered by a message with id {header.Id}, seq {header.Sequence}");
                }

                if (_dialect.ReadReply(message[MessageHeader.Length..], out KvmiError error, out data) != DecodeStatus.Ok)
                {
                    throw Lose(DetachReason.ProtocolError, $"the reply to {kind} (seq {sequence}) is malformed ({header.Size} payload bytes)");
                }

                if (error != KvmiError.None)
                {
                    _statistics.CommandError();
                }

                return error;
            }

            ReceiveOrLose();

            // Most answers come with the first receive: the clock is read only when this one did not.
            if (deadline is { IsOver: true })
            {
                throw Lose(DetachReason.PeerLost, string.Create(
                    CultureInfo.InvariantCulture, $"{kind} (seq {sequence}) was not answered within {_commandTimeout.TotalSeconds:0.###} s"));
            }

            deadline ??= new Deadline(_time, _commandTimeout);
        }
    }

    private VmConnectionLostException Malformed(CommandKind kind, int length, int expected) =>
        Lose(DetachReason.ProtocolError, $"the reply to {kind} has {length} data bytes; {expected} were asked for");
}
