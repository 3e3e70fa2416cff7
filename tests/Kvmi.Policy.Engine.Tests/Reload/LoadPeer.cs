using Kvmi.Protocol;
using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Dialects;
using Kvmi.Protocol.Events;
using Kvmi.Session.Tests.Support;

namespace Kvmi.Policy.Engine.Tests.Reload;

/// <summary>
/// A guest whose vCPUs write CR3 as fast as they are answered, and that keeps books: each event is answered once, by its own number, and never by an
/// older generation than the event before it.
/// </summary>
internal sealed class LoadPeer : IDisposable
{
    private readonly FakePeer _peer;
    private readonly uint[] _waiting;
    private readonly Task _task;
    private long _answered;
    private bool _stop;

    public LoadPeer(string path, ushort vcpus)
    {
        _peer = FakePeer.Attached(path, vcpus);
        _waiting = new uint[vcpus];
        _task = Task.Factory.StartNew(Run, TaskCreationOptions.LongRunning);
    }

    /// <summary>Events that were answered so far.</summary>
    public long Answered => Volatile.Read(ref _answered);

    /// <summary>Waits until that many are answered.</summary>
    public async Task WaitFor(long answered, TimeSpan patience)
    {
        var limit = Task.Delay(patience);
        while (Answered < answered)
        {
            if (_task.IsCompleted)
                await _task;

            Assert.False(limit.IsCompleted, $"{Answered} events are answered, {answered} are waited for");
            await Task.Yield();
        }
    }

    /// <summary>The value that the last answer set.</summary>
    public ulong LastValue { get; private set; }

    /// <summary>Sends no more, and waits until everything is answered.</summary>
    public async Task Stop(TimeSpan patience)
    {
        Volatile.Write(ref _stop, true);
        await _task.WaitAsync(patience);
    }

    /// <summary>Carries out what the tool still asks until it closes the connection.</summary>
    public void CarryOutToTheEnd()
    {
        while (Record.Exception(() => Take(_peer.ReadHeader())) is null)
        {
        }
    }

    public void Dispose() => _peer.Dispose();

    private void Run()
    {
        uint sequence = 0;
        for (ushort vcpu = 0; vcpu < _waiting.Length; vcpu++)
            Send(vcpu, ++sequence);

        var open = _waiting.Length;
        while (open > 0)
        {
            if (Take(_peer.ReadHeader()) is not { } vcpu)
                continue;

            if (Volatile.Read(ref _stop))
                open--;
            else
                Send(vcpu, ++sequence);
        }
    }

    private void Send(ushort vcpu, uint sequence)
    {
        _waiting[vcpu] = sequence;
        _peer.SendRaw(_peer.Event(vcpu, EventBody.Cr(3, 0x1000, 0), sequence));
    }

    private byte[] VmInfo()
    {
        var data = new byte[64];
        return data[..FakePeer.V7.WriteData(data, new VmInfoReply((uint)_waiting.Length, 0))];
    }

    /// <summary>Takes one message; gives the vCPU whose event it answers.</summary>
    private ushort? Take((MessageHeader Header, byte[] Message) next)
    {
        var (header, message) = next;
        if (FakePeer.V7.Classify(MessageDirection.ToolToKernel, header.Id) != MessageRole.EventReply)
        {
            Assert.True(FakePeer.V7.TryGetCommand(header.Id, out var kind));
            if (kind == CommandKind.GetVmInfo)
                _peer.Reply(header, VmInfo());
            else
                _peer.Reply(header, KvmiError.None);

            return null;
        }

        Assert.Equal(CommandStatus.Ok, FakePeer.V7.ReadEventReply(message, EventKind.Cr, out var vcpu, out _, out var reply));
        Assert.True(_waiting[vcpu] == header.Sequence, $"vCPU {vcpu} waits for the answer to {_waiting[vcpu]} and got one to {header.Sequence}");
        _waiting[vcpu] = 0;
        Assert.True(reply.NewValue >= LastValue, $"an event after one of generation {LastValue} was answered by generation {reply.NewValue}");
        LastValue = reply.NewValue;
        Interlocked.Increment(ref _answered);
        return vcpu;
    }
}
