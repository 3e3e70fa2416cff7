using System.Globalization;
using Kvmi.Protocol;
using Kvmi.Protocol.Dialects;
using Kvmi.Session.Deadlines;
using Kvmi.Session.Transport;

namespace Kvmi.Session.Vm;

/// <summary>
/// Commands out and answers in. What is on its way together is a window: answers may come in any order, because those of vCPUs and of the
/// VM overtake each other (kvmi-later-dialects.md 3.2), and each is found by its sequence number. Events that come between are queued.
/// </summary>
internal sealed partial class VmConnection
{
    /// <summary>Most commands on their way at once.</summary>
    internal const int MaxOutstanding = 128;

    /// <summary>Most answer bytes on their way at once: less than any socket buffer, so that neither end blocks in a send that the other does not read.</summary>
    internal const int MaxOutstandingReply = 32 * 1024;

    /// <summary>Most request bytes on their way at once, for the same reason.</summary>
    internal const int MaxOutstandingRequest = 48 * 1024;

    // The largest request of any dialect fits: SET_PAGE_ACCESS of v7, v11 and v12 fills their largest payload.
    private const int MaxRequest = MessageHeader.Length + 8184;
    private const int ErrorLength = 8;

    private readonly int[] _commandIds;
    private readonly Request[] _window = new Request[MaxOutstanding];
    private uint _sequence;
    private uint _windowFirst;
    private int _windowCount;
    private int _windowOpen;
    private int _windowReply;
    private int _windowRequest;

    private static int[] CommandTable(Dialect dialect)
    {
        var table = new int[Enum.GetValues<CommandKind>().Length];
        foreach (var kind in Enum.GetValues<CommandKind>())
        {
            table[(int)kind] = dialect.TryGetCommandId(kind, out var id) ? id : -1;
        }

        return table;
    }

    private bool Has(CommandKind kind) => _commandIds[(int)kind] >= 0;

    private CommandNotInDialectException Lacks(CommandKind kind) => new(_dialect.Id, _dialect.Name, kind);

    /// <summary>Checks that a command may be sent and opens a window for it. The scope lasts as long as its answer is used.</summary>
    private CustodyScope Begin(CommandKind kind)
    {
        if (!Has(kind))
        {
            CheckOwner();
            throw Lacks(kind);
        }

        var scope = EnterOwned();
        try
        {
            OpenWindow();
            return scope;
        }
        catch
        {
            scope.Dispose();
            throw;
        }
    }

    private CustodyScope EnterOwned()
    {
        var scope = _custody.Enter();
        if (_loss is not null)
        {
            scope.Dispose();
            ThrowIfLost();
        }

        return scope;
    }

    private void CheckOwner()
    {
        _custody.CheckOwner();
        ThrowIfLost();
    }

    private void OpenWindow()
    {
        _windowFirst = _sequence;
        _windowCount = 0;
        _windowOpen = 0;
        _windowReply = 0;
        _windowRequest = 0;
        MakeRoom();
    }

    /// <summary>True when one more command fits, with an answer of that many data bytes.</summary>
    private bool WindowHasRoom(int replyData) =>
        _windowCount == 0
        || (_windowCount < MaxOutstanding
            && _windowReply + ErrorLength + MessageHeader.Length + replyData <= MaxOutstandingReply
            && _windowRequest + MaxRequest <= MaxOutstandingRequest
            && _channel.HasRoom(MaxRequest));

    /// <summary>Adds the command just written with the next sequence number.</summary>
    private void Put(CommandKind kind, int length, int replyData = 0, bool answered = true)
    {
        _window[_windowCount++] = new Request(kind, (ushort)_commandIds[(int)kind], answered);
        _sequence++;
        _windowOpen += answered ? 1 : 0;
        _windowReply += ErrorLength + MessageHeader.Length + replyData;
        _windowRequest += length;
        _channel.Commit(length);
        _statistics.Command();
    }

    private KvmiError Run(CommandKind kind, int length) => Run(kind, length, out _);

    /// <summary>Sends the command just written and waits for its answer.</summary>
    private KvmiError Run(CommandKind kind, int length, out ReadOnlySpan<byte> data)
    {
        Put(kind, length);
        FlushOrLose();
        NextAnswer(out _, out var error, out data);
        return error;
    }

    /// <summary>Waits for the next answer to a command of the window. The data is valid until the next call.</summary>
    private void NextAnswer(out int index, out KvmiError error, out ReadOnlySpan<byte> data)
    {
        Deadline? deadline = null;
        InjectDelay();
        while (true)
        {
            while (TryTake(out var header, out var message))
            {
                if (_dialect.Classify(MessageDirection.KernelToTool, header.Id) == MessageRole.Event)
                {
                    Enqueue(in header, message);
                    continue;
                }

                index = Match(in header);
                if (_dialect.ReadReply(message[MessageHeader.Length..], out error, out data) != DecodeStatus.Ok)
                {
                    throw Lose(
                        DetachReason.ProtocolError,
                        $"the reply to {_window[index].Kind} (seq {header.Sequence}) is malformed ({header.Size} payload bytes)");
                }

                if (error != KvmiError.None)
                {
                    _statistics.CommandError();
                }

                return;
            }

            ReceiveOrLose();

            // Most answers come with the first receive: the clock is read only when this one did not.
            if (deadline is { IsOver: true })
            {
                throw Lose(DetachReason.PeerLost, string.Create(
                    CultureInfo.InvariantCulture, $"{FirstOpen()} was not answered within {_commandTimeout.TotalSeconds:0.###} s"));
            }

            deadline ??= new Deadline(_time, _commandTimeout);
        }
    }

    private int Match(in MessageHeader header)
    {
        var index = header.Sequence - _windowFirst;
        if (index >= (uint)_windowCount || !_window[index].IsOpen || _window[index].Id != header.Id)
        {
            throw Lose(
                DetachReason.ProtocolError, $"{FirstOpen()} was answered by a message with id {header.Id}, seq {header.Sequence}");
        }

        _window[index].IsOpen = false;
        _windowOpen--;
        return (int)index;
    }

    /// <summary>The command that has waited longest, for messages.</summary>
    private string FirstOpen()
    {
        for (var i = 0; i < _windowCount; i++)
        {
            if (_window[i].IsOpen)
            {
                return $"{_window[i].Kind} (id {_window[i].Id}, seq {_windowFirst + (uint)i})";
            }
        }

        return "no command";
    }

    private VmConnectionLostException Malformed(CommandKind kind, int length, int expected) =>
        Lose(DetachReason.ProtocolError, $"the reply to {kind} has {length} data bytes; {expected} were asked for");

    private struct Request(CommandKind kind, ushort id, bool isOpen)
    {
        public CommandKind Kind { get; } = kind;

        public ushort Id { get; } = id;

        public bool IsOpen { get; set; } = isOpen;
    }
}
