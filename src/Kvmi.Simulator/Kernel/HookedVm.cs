using System.Net.Sockets;
using Kvmi.Protocol;
using Kvmi.Protocol.Events;
using Kvmi.Protocol.Registers;
using Kvmi.Simulator.Transport;

namespace Kvmi.Simulator.Kernel;

/// <summary>
/// One introspection of a VM, from hook to unhook: the socket, the event counter, the switches that hold for the whole VM and the
/// page restrictions. Members may be used from any thread unless they say otherwise.
/// </summary>
internal sealed partial class HookedVm : IDisposable
{
    private readonly Lock _writeGate = new();
    private readonly Lock _pageGate = new();
    private readonly Lock _closeGate = new();
    private readonly byte[] _out;
    private readonly Socket _socket;
    private readonly IMessageWriter _writer;
    private readonly HashSet<ulong> _restrictedPages = [];
    private readonly TaskCompletionSource _closed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _allVcpusLeft = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _vcpusToLeave;
    private uint _eventSequence;
    private uint _vmEvents;
    private int _isClosed;
    private long _closedAt;
    private long _lastTraffic;
    private int _isArmed;
    private int _unanswered;
    private string? _closeReason;
    private string? _loss;
    private bool _pagesReleased;
    private volatile bool _cleansUp = true;

    public HookedVm(Socket socket, IMessageWriter writer, KernelContext context)
    {
        _socket = socket;
        _writer = writer;
        Context = context;
        _out = new byte[MessageHeader.Length + Rules.Dialect.MaxPayload];
        _vcpusToLeave = context.Workers.Count;
        _lastTraffic = context.TimeProvider.GetTimestamp();
        context.Machine.Traps.PageWalks = Rules.Traits.ReportsPageWalks;
        context.Machine.Traps.PageAccess = true;
    }

    /// <summary>What outlives one hook: machine, vCPU threads, rules, counters.</summary>
    public KernelContext Context { get; }

    /// <summary>The dialect's rules.</summary>
    public KernelRules Rules => Context.Rules;

    /// <summary>
    /// True when the end of the connection removes interceptions and page restrictions, false when CONTROL_CLEANUP asked to leave them
    /// (kvmi-later-dialects.md 3.6). On at the start of each hook.
    /// </summary>
    public bool CleansUp
    {
        get => _cleansUp;
        set => _cleansUp = value;
    }

    /// <summary>Ends when the connection does, for whatever reason.</summary>
    public Task Closed => _closed.Task;

    /// <summary>Ends when every vCPU thread has undone what this hook did to it. A VM can only be hooked again after that.</summary>
    public Task AllVcpusLeft => _allVcpusLeft.Task;

    /// <summary>True from the moment that the connection is given up.</summary>
    public bool IsClosed => Volatile.Read(ref _isClosed) != 0;

    /// <summary>Time stamp of the moment before the guest could notice that the connection is gone; 0 while it lives.</summary>
    public long ClosedAt => Volatile.Read(ref _closedAt);

    /// <summary>Why the connection ended; null while it lives or when the tool closed it.</summary>
    public string? CloseReason => Volatile.Read(ref _closeReason);

    /// <summary>
    /// True once the tool switched something on that can give an event: an event, a register, a page restriction, a pause,
    /// single-stepping. UNHOOK alone does not count: it says nothing about what the tool wants to see of the guest.
    /// </summary>
    public bool IsArmed => Volatile.Read(ref _isArmed) != 0;

    /// <summary>What was lost when the tool closed the connection, to follow "the tool closed the connection"; null: nothing.</summary>
    public string? Loss => Volatile.Read(ref _loss);

    /// <summary>
    /// Called once, before any vCPU can notice that the connection is given up; null for nothing. The device manager sets it when it is
    /// about to end the introspection itself, to have the guest stand still then.
    /// </summary>
    public Action? Closing { get; set; }

    /// <summary>Time since the last message from the tool.</summary>
    public TimeSpan Quiet => Context.TimeProvider.GetElapsedTime(Volatile.Read(ref _lastTraffic));

    /// <summary>Remembers that the tool said something.</summary>
    public void NoteTraffic() => Volatile.Write(ref _lastTraffic, Context.TimeProvider.GetTimestamp());

    /// <summary>Remembers that the tool switched something on that can give an event.</summary>
    public void NoteArmed() => Volatile.Write(ref _isArmed, 1);

    /// <summary>Remembers that the answer to an event has arrived. Receiving thread.</summary>
    public void NoteReply() => Interlocked.Decrement(ref _unanswered);

    /// <summary>True when the tool switched a VM event on.</summary>
    public bool IsVmEventEnabled(EventKind kind) => (Volatile.Read(ref _vmEvents) & (1u << (int)kind)) != 0;

    /// <summary>Switches a VM event.</summary>
    public void SetVmEvent(EventKind kind, bool enable)
    {
        if (enable)
        {
            Interlocked.Or(ref _vmEvents, 1u << (int)kind);
        }
        else
        {
            Interlocked.And(ref _vmEvents, ~(1u << (int)kind));
        }
    }

    /// <summary>Sends an event and gives its number; the counter and the wire have the same order.</summary>
    /// <returns>False when the connection is gone.</returns>
    public bool SendEvent(int vcpu, in VcpuState state, in EventBody body, out uint sequence)
    {
        bool sent;
        var expectsReply = Rules.Dialect.ExpectsReply(body.Kind);
        lock (_writeGate)
        {
            if (IsClosed)
            {
                sequence = 0;
                return false;
            }

            sequence = ++_eventSequence;
            if (expectsReply)
            {
                Interlocked.Increment(ref _unanswered);
            }

            if (expectsReply && !Rules.Dialect.RepliesNameVcpu)
            {
                _waiters[sequence] = (ushort)vcpu;
            }

            var id = (ushort)(vcpu * Rules.Traits.VcpuIdStride);
            var length = Rules.Dialect.WriteEvent(_out, sequence, id, in state, in body);
            sent = _writer.Write(_out.AsSpan(0, length));
        }

        if (sent)
        {
            Context.Counters.Event(body.Kind, expectsReply);
            return true;
        }

        CloseByTool("and an event could not reach it");
        return false;
    }

    /// <summary>Sends an event that belongs to no vCPU.</summary>
    /// <returns>False when the connection is gone.</returns>
    public bool SendVmEvent(in EventBody body)
    {
        VcpuState none = default;
        return SendEvent(0, in none, in body, out _);
    }

    /// <summary>Answers a command with data.</summary>
    public void ReplyData(in CommandContext command, ReadOnlySpan<byte> data)
    {
        if (!command.Answer)
        {
            return;
        }

        bool sent;
        lock (_writeGate)
        {
            var length = Rules.Dialect.WriteReply(_out, command.Header.Id, command.Header.Sequence, data);
            sent = IsClosed || _writer.Write(_out.AsSpan(0, length));
        }

        if (!sent)
        {
            CloseByTool("and the reply to a command could not reach it");
        }
    }

    /// <summary>
    /// Answers a command with an error code alone. With replies switched off a failure is silent or becomes an event
    /// (kvmi-later-dialects.md 4.4).
    /// </summary>
    public void ReplyError(in CommandContext command, KvmiError error)
    {
        if (error != KvmiError.None && command.Kind is { } kind)
        {
            Context.Counters.Error(kind);
        }

        if (!command.Answer)
        {
            if (error != KvmiError.None && command.ErrorEvents)
            {
                SendVmEvent(EventBody.CommandError(error, command.Header.Sequence, command.Header.Id));
            }

            return;
        }

        bool sent;
        lock (_writeGate)
        {
            var length = Rules.Dialect.WriteReply(_out, command.Header.Id, command.Header.Sequence, error);
            sent = IsClosed || _writer.Write(_out.AsSpan(0, length));
        }

        if (!sent)
        {
            CloseByTool("and the reply to a command could not reach it");
        }
    }

    /// <summary>Restricts a page for all vCPUs, or lifts the restriction, and remembers it for the end.</summary>
    public KvmiError SetPageAccess(ulong gpa, PageAccess access, int view = 0)
    {
        if (view != 0)
        {
            return SetPageAccessInView(view, gpa, access);
        }

        lock (_pageGate)
        {
            if (_pagesReleased)
            {
                return KvmiError.None;
            }

            if (!Context.Machine.TrySetPageAccess(gpa, access))
            {
                return Rules.Traits.RemembersUnbackedPages ? RememberPage(gpa, access) : Rules.PageAccessOutsideMemory;
            }

            if (access == PageAccess.All)
            {
                _restrictedPages.Remove(gpa & ~0xFFFUL);
            }
            else
            {
                _restrictedPages.Add(gpa & ~0xFFFUL);
                NoteArmed();
            }

            return KvmiError.None;
        }
    }

    /// <summary>True when this hook restricts the page. Another one may have left restrictions behind, of which the tool is told nothing (3.8).</summary>
    public bool Restricts(ulong gpa)
    {
        lock (_pageGate)
        {
            return _restrictedPages.Contains(gpa & ~0xFFFUL) || _pagesOfViews.Contains(gpa & ~0xFFFUL);
        }
    }

    /// <summary>
    /// Gives the connection up; the first reason counts. Every vCPU that waits for a reply goes on as after CONTINUE
    /// (kvmi-later-dialects.md 3.10, 5). Does not wait.
    /// </summary>
    /// <param name="reason">What the tool did wrong; null when it closed the connection itself.</param>
    public void Close(string? reason)
    {
        Interlocked.CompareExchange(ref _closedAt, Context.TimeProvider.GetTimestamp(), 0);
        lock (_closeGate)
        {
            if (IsClosed)
            {
                return;
            }

            Closing?.Invoke();
            Volatile.Write(ref _isClosed, 1);
        }

        Volatile.Write(ref _closeReason, reason);
        if (reason is not null)
        {
            LogMessages.ConnectionClosedByKernel(Context.Logger, reason);
        }

        try
        {
            _socket.Shutdown(SocketShutdown.Both);
        }
        catch (SocketException exception)
        {
            // The peer may have gone first; the descriptor is released below either way.
            LogMessages.ShutdownFailed(Context.Logger, exception.Message);
        }

        _socket.Dispose();
        ReleasePages();
        Context.Tokens?.Drop(Context.Machine);
        _closed.TrySetResult();
        Context.WakeAll();
    }

    /// <summary>Gives the connection up because the tool did; the first loss counts. Does not wait.</summary>
    /// <param name="loss">What was seen to break; null when the stream ended between two messages.</param>
    public void CloseByTool(string? loss)
    {
        var unanswered = Volatile.Read(ref _unanswered);
        loss ??= unanswered <= 0 ? null : unanswered == 1 ? "while 1 event waited for an answer" : $"while {unanswered} events waited for an answer";
        Interlocked.CompareExchange(ref _loss, loss, null);
        Close(null);
    }

    /// <summary>A vCPU thread has undone what this hook did to it.</summary>
    public void VcpuLeft()
    {
        if (Interlocked.Decrement(ref _vcpusToLeave) == 0)
        {
            Context.Machine.Traps.PageAccess = !CleansUp;
            _allVcpusLeft.TrySetResult();
        }
    }

    /// <summary>Counts a vCPU that was plugged in; it has to leave like the others.</summary>
    /// <returns>False when the hook is over.</returns>
    public bool TryAddVcpu()
    {
        var count = Volatile.Read(ref _vcpusToLeave);
        while (count > 0)
        {
            var seen = Interlocked.CompareExchange(ref _vcpusToLeave, count + 1, count);
            if (seen == count)
            {
                return true;
            }

            count = seen;
        }

        return false;
    }

    /// <summary>Closes and waits until every vCPU thread has let go.</summary>
    public async Task UnhookAsync()
    {
        Close(null);
        await AllVcpusLeft.ConfigureAwait(false);
    }

    /// <summary>A tool answered an event with CRASH.</summary>
    public void Crash(int vcpu)
    {
        LogMessages.GuestCrashed(Context.Logger, vcpu);
        Context.ReportCrash(vcpu);
        Close(null);
    }

    /// <summary>Closes, if nobody has: the receiving thread may still come to its own end after this.</summary>
    public void Dispose() => Close(null);

    private void ReleasePages()
    {
        lock (_pageGate)
        {
            _pagesReleased = true;
            if (!CleansUp)
            {
                return;
            }

            foreach (var gpa in _restrictedPages)
            {
                Context.Machine.TrySetPageAccess(gpa, PageAccess.All);
            }

            _restrictedPages.Clear();
            Context.Machine.Views?.Reset();
            _unbackedPages.Clear();
        }
    }
}
