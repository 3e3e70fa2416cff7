using Kvmi.Protocol;
using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Dialects;

namespace Kvmi.Session.Vm.Batches;

/// <summary>
/// Commands that are collected and then leave together. Every method that adds a command gives the number of its entry, with which
/// <see cref="this[int]"/> tells its result after <see cref="Send"/>. Belongs to the VM's owner thread; may be used again after
/// <see cref="Clear"/>.
/// <para>
/// v7 kernels are told not to answer the commands one by one and to report failures as CMD_ERROR events, which the session takes for the
/// batch; at the end each vCPU that was addressed is asked something, because its commands may end after the batch
/// (kvmi-later-dialects.md 4.4). Where that is not possible, because the dialect, the administrator or a command that returns data is
/// against it, the commands leave in one write all the same and every answer is matched. Results are complete in either case.
/// </para>
/// <para>Commands that may wait long for a vCPU or a person (PAUSE, ALLOC_GFN) are not for batches.</para>
/// </summary>
public sealed class VmBatch : IDisposable
{
    /// <summary>Most messages in one batch. More than 128 leave in several writes.</summary>
    public const int MaxMessages = 1024;

    /// <summary>Most bytes in one batch. More than about 48 KiB leave in several writes.</summary>
    public const int MaxBytes = 256 * 1024;

    private const int LargestMessage = 8192;
    private const int PageSize = 4096;
    private const int AccessEntry = 16;

    // Header and fixed part of a message that carries memory or page entries, in the dialect where they are longest.
    private const int MessageOverhead = MessageHeader.Length + 24;

    private readonly VmConnection _vm;
    private readonly Dialect _dialect;
    private readonly List<BatchMessage> _messages = [];
    private readonly List<KvmiError> _results = [];
    private byte[] _bytes = new byte[1024];
    private int _length;
    private bool _isSent;

    internal VmBatch(VmConnection vm, Dialect dialect)
    {
        _vm = vm;
        _dialect = dialect;
    }

    /// <summary>Number of entries.</summary>
    public int Count => _results.Count;

    internal List<BatchMessage> Messages => _messages;

    /// <summary>Result of an entry: the error code of its first message that failed.</summary>
    /// <exception cref="InvalidOperationException">The batch was not sent.</exception>
    public KvmiError this[int entry] => _isSent ? _results[entry] : throw new InvalidOperationException("The batch was not sent.");

    /// <summary>As <see cref="IIntrospectedVm.ControlVmEvents"/>.</summary>
    /// <exception cref="InvalidOperationException">
    /// The batch is full or was sent; so with every method that adds. What does not fit as a whole is not added.
    /// </exception>
    public int ControlVmEvents(EventKind kind, bool enable) => AddSwitch(CommandKind.ControlVmEvents, null, kind, enable);

    /// <summary>As <see cref="IIntrospectedVm.ControlEvents"/>.</summary>
    public int ControlEvents(ushort vcpu, EventKind kind, bool enable) => AddSwitch(CommandKind.ControlEvents, vcpu, kind, enable);

    /// <summary>As <see cref="IIntrospectedVm.ControlCr"/>.</summary>
    public int ControlCr(ushort vcpu, uint cr, bool enable)
    {
        Room(CommandKind.ControlCr);
        return Add(CommandKind.ControlCr, vcpu, _dialect.Write(Free, 0, new ControlCr(vcpu, cr, Flag(enable))));
    }

    /// <summary>As <see cref="IIntrospectedVm.ControlMsr"/>.</summary>
    public int ControlMsr(ushort vcpu, uint msr, bool enable)
    {
        Room(CommandKind.ControlMsr);
        return Add(CommandKind.ControlMsr, vcpu, _dialect.Write(Free, 0, new ControlMsr(vcpu, msr, Flag(enable))));
    }

    /// <summary>As <see cref="IIntrospectedVm.ControlSinglestep"/>.</summary>
    public int ControlSinglestep(ushort vcpu, bool enable)
    {
        Room(CommandKind.ControlSinglestep);
        return Add(CommandKind.ControlSinglestep, vcpu, _dialect.Write(Free, 0, new ControlSinglestep(vcpu, Flag(enable))));
    }

    /// <summary>As <see cref="IIntrospectedVm.SwitchEptView"/>.</summary>
    public int SwitchEptView(ushort vcpu, ushort view)
    {
        Room(CommandKind.SwitchEptView);
        return Add(CommandKind.SwitchEptView, vcpu, _dialect.Write(Free, 0, new SwitchEptView(vcpu, view)));
    }

    /// <summary>As <see cref="IIntrospectedVm.InjectException(in Kvmi.Protocol.Commands.InjectException)"/>.</summary>
    public int InjectException(in InjectException exception)
    {
        Room(CommandKind.InjectException);
        return Add(CommandKind.InjectException, exception.Vcpu, _dialect.Write(Free, 0, in exception));
    }

    /// <summary>As <see cref="IIntrospectedVm.SetRegisters"/>: refused here and now when the vCPU waits in no event.</summary>
    public int SetRegisters(ushort vcpu, in Protocol.Registers.KvmRegs regs)
    {
        Room(CommandKind.SetRegisters);
        if (!_vm.IsWaiting(vcpu))
        {
            return AddResult(KvmiError.NotSupported);
        }

        return Add(CommandKind.SetRegisters, vcpu, _dialect.WriteSetRegisters(Free, 0, vcpu, in regs));
    }

    /// <summary>As <see cref="IIntrospectedVm.SetPageAccess(ReadOnlySpan{PageAccessEntry})"/>; a long list is one entry of several messages.</summary>
    public int SetPageAccess(ReadOnlySpan<PageAccessEntry> entries)
    {
        var parts = (entries.Length + _dialect.MaxPageAccessEntries - 1) / _dialect.MaxPageAccessEntries;
        Room(CommandKind.SetPageAccess, parts, ((long)parts * MessageOverhead) + ((long)entries.Length * AccessEntry));
        var entry = AddResult(KvmiError.None);
        while (!entries.IsEmpty)
        {
            var part = entries[..Math.Min(entries.Length, _dialect.MaxPageAccessEntries)];
            ushort? vcpu = _dialect.IsVcpuCommand(CommandKind.SetPageAccess) ? (ushort)0 : null;
            Append(new BatchMessage(entry, CommandKind.SetPageAccess, _length, _dialect.WriteSetPageAccess(Free, 0, 0, 0, part)) { Vcpu = vcpu });
            entries = entries[part.Length..];
        }

        return entry;
    }

    /// <summary>
    /// As <see cref="IIntrospectedVm.WritePhysical"/>, except that a page that cannot be written does not keep the later ones from being
    /// written. The bytes are copied.
    /// </summary>
    public int WritePhysical(ulong gpa, ReadOnlySpan<byte> source)
    {
        var pages = Pages(gpa, source.Length);
        Room(CommandKind.WritePhysical, pages, ((long)pages * MessageOverhead) + source.Length);
        var entry = AddResult(KvmiError.None);
        while (!source.IsEmpty)
        {
            var size = Math.Min(source.Length, PageSize - (int)(gpa % PageSize));
            var length = _dialect.Write(Free, 0, new WritePhysical(gpa, source[..size]));
            Append(new BatchMessage(entry, CommandKind.WritePhysical, _length, length));
            source = source[size..];
            gpa += (ulong)size;
        }

        return entry;
    }

    /// <summary>As <see cref="IIntrospectedVm.ReadPhysical(ulong, Span{byte})"/>; the destination is filled by <see cref="Send"/>.</summary>
    public int ReadPhysical(ulong gpa, Memory<byte> destination)
    {
        var pages = Pages(gpa, destination.Length);
        Room(CommandKind.ReadPhysical, pages, (long)pages * MessageOverhead);
        var entry = AddResult(KvmiError.None);
        while (!destination.IsEmpty)
        {
            var size = Math.Min(destination.Length, PageSize - (int)(gpa % PageSize));
            var length = _dialect.Write(Free, 0, new ReadPhysical(gpa, (ulong)size));
            Append(new BatchMessage(entry, CommandKind.ReadPhysical, _length, length) { Destination = destination[..size] });
            destination = destination[size..];
            gpa += (ulong)size;
        }

        return entry;
    }

    /// <summary>Replaces the XSAVE area of a vCPU, as <see cref="IIntrospectedVm.SetXsave"/>.</summary>
    /// <exception cref="ArgumentException">The dialect does not take an area of that length.</exception>
    public int SetXsave(ushort vcpu, ReadOnlySpan<byte> area)
    {
        Room(CommandKind.SetXsave);
        return Add(CommandKind.SetXsave, vcpu, _dialect.WriteSetXsave(Free, 0, vcpu, area));
    }

    /// <summary>Sends everything and waits for all results.</summary>
    /// <returns>The first error, in the order of the entries; None when every command was carried out.</returns>
    /// <exception cref="InvalidOperationException">It was sent before.</exception>
    /// <exception cref="VmConnectionLostException">The connection ended meanwhile; how far the VM got is not known.</exception>
    public KvmiError Send()
    {
        if (_isSent)
        {
            throw new InvalidOperationException("The batch was sent; clear it to use it again.");
        }

        _vm.Send(this);
        _isSent = true;
        return _results.Find(error => error != KvmiError.None);
    }

    /// <summary>Forgets every entry and result.</summary>
    public void Clear()
    {
        _messages.Clear();
        _results.Clear();
        _length = 0;
        _isSent = false;
    }

    /// <summary>Same as <see cref="Clear"/>: what was not sent never is.</summary>
    public void Dispose() => Clear();

    /// <summary>The bytes of a message, to be numbered.</summary>
    internal Span<byte> BytesOf(in BatchMessage message) => _bytes.AsSpan(message.Offset, message.Length);

    /// <summary>Notes what a message came to; the first error of an entry stays.</summary>
    internal void SetResult(in BatchMessage message, KvmiError error)
    {
        if (_results[message.Entry] == KvmiError.None)
        {
            _results[message.Entry] = error;
        }
    }

    private static byte Flag(bool enable) => enable ? (byte)1 : (byte)0;

    private static int Pages(ulong gpa, int length) => length == 0 ? 0 : (int)(((gpa % PageSize) + (ulong)length + PageSize - 1) / PageSize);

    private Span<byte> Free => _bytes.AsSpan(_length);

    /// <summary>Makes sure that messages of one kind fit, all of them or none.</summary>
    private void Room(CommandKind kind, int messages = 1, long bytes = LargestMessage)
    {
        if (_isSent)
        {
            throw new InvalidOperationException("The batch was sent; clear it to use it again.");
        }

        if (!_dialect.TryGetCommandId(kind, out _))
        {
            throw new CommandNotInDialectException(_dialect.Id, _dialect.Name, kind);
        }

        if (messages > MaxMessages - _messages.Count || bytes > MaxBytes - _length)
        {
            throw new InvalidOperationException($"The batch is full ({_messages.Count} messages, {_length} bytes); send it and begin another.");
        }

        if (_bytes.Length - _length < bytes)
        {
            Array.Resize(ref _bytes, Math.Min(MaxBytes, Math.Max(_bytes.Length * 2, _length + (int)bytes)));
        }
    }

    private int AddSwitch(CommandKind command, ushort? vcpu, EventKind kind, bool enable)
    {
        Room(command);
        if (!_dialect.TryGetEventId(kind, out var id))
        {
            return AddResult(KvmiError.NotSupported);
        }

        var mask = enable ? 1u << id : 0;
        var length = (_dialect.EventsAreMasks, vcpu) switch
        {
            (false, { } one) => _dialect.Write(Free, 0, new ControlEvents(one, id, Flag(enable))),
            (false, null) => _dialect.Write(Free, 0, new ControlVmEvents(id, Flag(enable))),
            (true, { } one) => _dialect.Write(Free, 0, new ControlEventMask(one, mask)),
            (true, null) => _dialect.Write(Free, 0, new ControlVmEventMask(mask)),
        };
        var entry = AddResult(KvmiError.None);
        Append(new BatchMessage(entry, command, _length, length)
        {
            Vcpu = vcpu,
            EventId = id,
            Enable = enable,
            IsMask = _dialect.EventsAreMasks,
        });
        return entry;
    }

    private int Add(CommandKind kind, ushort vcpu, int length)
    {
        var entry = AddResult(KvmiError.None);
        Append(new BatchMessage(entry, kind, _length, length) { Vcpu = vcpu });
        return entry;
    }

    private void Append(BatchMessage message)
    {
        _messages.Add(message);
        _length += message.Length;
    }

    private int AddResult(KvmiError error)
    {
        _results.Add(error);
        return _results.Count - 1;
    }
}
