using System.Net.Sockets;
using Kvmi.Protocol;
using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Dialects;

namespace Kvmi.Simulator.Kernel;

/// <summary>
/// The one thread that reads the socket of a hook: it cuts messages, answers VM commands itself and queues the rest for the
/// vCPUs (kvmi-later-dialects.md 3.2 and 3.4).
/// </summary>
internal sealed class Receiver
{
    private readonly HookedVm _hook;
    private readonly Socket _socket;
    private readonly KernelContext _context;
    private readonly VmCommands _vmCommands;
    private readonly byte[] _buffer = new byte[128 * 1024];
    private int _start;
    private int _end;
    private bool _isBroken;

    public Receiver(HookedVm hook, Socket socket)
    {
        _hook = hook;
        _socket = socket;
        _context = hook.Context;
        _vmCommands = new VmCommands(hook);
    }

    private Dialect Dialect => _context.Rules.Dialect;

    /// <summary>Starts the thread. It ends with the connection.</summary>
    public void Start() => new Thread(ThreadMain) { IsBackground = true, Name = "kvmi receive" }.Start();

    private void ThreadMain()
    {
        try
        {
            while (TryReceive(out var header))
            {
                var message = _buffer.AsSpan(_start, header.MessageLength);
                _start += header.MessageLength;
                Dispatch(header, message);
            }

            _hook.CloseByTool(_isBroken ? "and left what the kernel had sent unread" : _end > _start ? "in the middle of a message" : null);
        }
#pragma warning disable CA1031 // The last frame of a thread: a failure must end the simulation with its reason, not the process.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            LogMessages.ReceiverFailed(_context.Logger, exception);
            _context.ReportFailure($"The receiving thread failed: {exception.Message}");
            _hook.Close("the receiving thread of the simulator failed");
        }
    }

    /// <summary>Gets one whole message to the front of the buffer.</summary>
    /// <returns>False when the connection is over.</returns>
    private bool TryReceive(out MessageHeader header)
    {
        header = default;
        if (_hook.IsClosed || !Fill(MessageHeader.Length))
        {
            return false;
        }

        MessageHeader.TryRead(_buffer.AsSpan(_start, _end - _start), out header);
        if (header.Size > Dialect.MaxPayload)
        {
            _hook.Close($"a message announces {header.Size} bytes, the {Dialect.Name} dialect allows {Dialect.MaxPayload}");
            return false;
        }

        if (Dialect.CheckHeader(in header) != CommandStatus.Ok)
        {
            _hook.Close($"message id {header.Id} announces {header.Size} payload bytes, or does not exist; the {Dialect.Name} kernel reads no further");
            return false;
        }

        return Fill(header.MessageLength) && (!_context.Rules.WaitsBehind(in header) || Fill(header.MessageLength + 1));
    }

    private bool Fill(int wanted)
    {
        while (_end - _start < wanted)
        {
            if (_start + wanted > _buffer.Length)
            {
                _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
                _end -= _start;
                _start = 0;
            }

            int received;
            try
            {
                received = _socket.Receive(_buffer.AsSpan(_end), SocketFlags.None, out var error);
                if (error != SocketError.Success)
                {
                    _isBroken = true;
                    return false;
                }
            }
            catch (ObjectDisposedException)
            {
                // Another thread gave the connection up.
                return false;
            }

            if (received == 0)
            {
                return false;
            }

            _end += received;
        }

        return true;
    }

    private void Dispatch(MessageHeader header, ReadOnlySpan<byte> message)
    {
        _hook.NoteTraffic();
        if (Dialect.CheckFraming(in header, message[MessageHeader.Length..]) != CommandStatus.Ok)
        {
            _hook.Close($"message id {header.Id} has {header.Size} payload bytes, but its contents ask for another number");
            return;
        }

        if (Dialect.Classify(MessageDirection.ToolToKernel, header.Id) == MessageRole.EventReply)
        {
            RouteReply(header, message);
            return;
        }

        if (_context.Rules.OtherDialectOf(in header) is { } other)
        {
            LogMessages.OtherDialect(_context.Logger, header.Id, header.Size, Dialect.NameOf(other), Dialect.Name);
        }

        var known = Dialect.TryGetCommand(header.Id, out var kind) && _context.Rules.Knows(kind);
        var command = new CommandContext(header, known ? kind : null, _vmCommands.RepliesOn, _vmCommands.ErrorEvents);
        if (!known)
        {
            _context.Counters.UnknownCommand(header.Id);
            LogMessages.UnknownCommand(_context.Logger, header.Id);
            AnswerOrClose(in command, KvmiError.NoSuchCommand);
            return;
        }

        _context.Counters.Command(kind);
        if (!_context.Administrator.Allows(kind))
        {
            AnswerOrClose(in command, _context.Rules.Traits.ForbiddenCommand);
            return;
        }

        if (!command.Answer && _context.Rules.ReturnsData(kind))
        {
            _hook.Close($"a {kind} command came while replies were switched off, but its reply carries data");
            return;
        }

        if (kind == CommandKind.PauseVcpu)
        {
            Pause(in command, message[MessageHeader.Length..]);
        }
        else if (_context.Rules.IsVcpuCommand(kind))
        {
            Queue(in command, message);
        }
        else
        {
            _vmCommands.Execute(in command, message[MessageHeader.Length..]);
        }
    }

    // With replies off nobody could tell the tool: the kernel ends the connection instead (4.4).
    private void AnswerOrClose(in CommandContext command, KvmiError error)
    {
        if (command.Answer)
        {
            _hook.ReplyError(in command, error);
        }
        else
        {
            _hook.Close($"message id {command.Header.Id} is unknown or forbidden and came while replies were switched off");
        }
    }

    private void RouteReply(MessageHeader header, ReadOnlySpan<byte> message)
    {
        var vcpu = _context.Rules.PeekReplyVcpu(message[MessageHeader.Length..]);
        if (!Dialect.RepliesNameVcpu && !_hook.TryFindWaiter(header.Sequence, out vcpu))
        {
            _hook.Close($"an event reply has sequence number {header.Sequence}, for which no vCPU waits");
            return;
        }

        if (vcpu >= _context.Workers.Count)
        {
            _hook.Close($"an event reply names vCPU {vcpu}, the machine has {_context.Workers.Count}");
            return;
        }

        _hook.NoteReply();
        var command = new CommandContext(header, null, Answer: false, ErrorEvents: false);
        _context.Workers[vcpu].Post(VcpuJob.Copy(_hook, VcpuJobKind.EventReply, in command, message));
    }

    private void Queue(in CommandContext command, ReadOnlySpan<byte> message)
    {
        var status = _context.Rules.ReadVcpu(message[MessageHeader.Length..], out var vcpu);
        if (status == CommandStatus.Close)
        {
            _hook.Close($"the vCPU header of a {command.Kind} command has padding that is not zero");
        }
        else if (status != CommandStatus.Ok || vcpu >= _context.Workers.Count)
        {
            _hook.ReplyError(in command, KvmiError.InvalidArgument);
        }
        else if (!_context.Workers[vcpu].IsInitialized)
        {
            _hook.ReplyError(in command, KvmiError.TryAgain);
        }
        else
        {
            _context.Workers[vcpu].Post(VcpuJob.Copy(_hook, VcpuJobKind.Command, in command, message));
        }
    }

    private void Pause(in CommandContext command, ReadOnlySpan<byte> payload)
    {
        var status = Dialect.Read(payload, out PauseVcpu pause);
        if (status == CommandStatus.Close)
        {
            _hook.Close("a PAUSE_VCPU command has padding that is not zero");
        }
        else if (status != CommandStatus.Ok || pause.Vcpu >= _context.Workers.Count)
        {
            _hook.ReplyError(in command, KvmiError.InvalidArgument);
        }
        else if (!_context.Workers[pause.Vcpu].IsInitialized)
        {
            _hook.ReplyError(in command, KvmiError.TryAgain);
        }
        else if (!_context.Administrator.Allows(EventKind.PauseVcpu))
        {
            if (_context.Rules.ForbiddenPauseCloses)
            {
                _hook.Close("a PAUSE_VCPU command came although the administrator forbids the PAUSE event");
            }
            else
            {
                _hook.ReplyError(in command, KvmiError.NotPermitted);
            }
        }
        else
        {
            var worker = _context.Workers[pause.Vcpu];
            var queued = worker.TryPostPause(_hook);
            if (queued)
            {
                _hook.NoteArmed();
                if (pause.Wait)
                {
                    worker.WaitUntilOutsideGuest(_hook);
                }
            }

            _hook.ReplyError(in command, queued ? KvmiError.None : KvmiError.Busy);
        }
    }
}
