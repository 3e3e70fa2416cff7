using Kvmi.Policy.Engine.Faults;
using Kvmi.Policy.Engine.Generations;
using Kvmi.Policy.Engine.Output;
using Kvmi.Policy.Engine.Tests.Runtime;
using Kvmi.Protocol;
using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Dialects;
using Kvmi.Protocol.Events;
using Kvmi.Session.Tests.Support;

namespace Kvmi.Policy.Engine.Tests.Deadlines;

/// <summary>An engine behind a real session, and a peer that carries out every command.</summary>
internal sealed class DeadlineBench : IAsyncDisposable
{
    private readonly ManualResetEventSlim _gate = new();
    private readonly EngineBench.ListSink _sink = new();
    private readonly PolicyEngine _engine;
    private readonly TestServer _server;
    private FakePeer? _peer;
    private bool _release;

    public DeadlineBench(params GenerationPolicy[] policies)
        : this(new Generation(1, policies, new EngineBench.CodeLife()))
    {
    }

    public DeadlineBench(PolicyFaults faults, params GenerationPolicy[] policies)
        : this(new Generation(1, policies, new EngineBench.CodeLife()), faults)
    {
    }

    public DeadlineBench(Generation generation, PolicyFaults? faults = null, TimeSpan? eventTimeout = null)
    {
        _engine = new PolicyEngine(new PolicyEngineOptions { Output = _sink, Faults = faults });
        _engine.Swap(generation);
        _server = new TestServer(_engine, options => eventTimeout is { } limit ? options with { EventTimeout = limit } : options);
    }

    public Kvmi.Session.KvmiServer Server => _server.Server;

    /// <summary>Access of the pages that the engine has restricted.</summary>
    public Dictionary<ulong, PageAccess> Pages { get; } = [];

    /// <summary>Commands that the peer has carried out.</summary>
    public List<CommandKind> Commands { get; } = [];

    /// <summary>Commands of this kind are not answered until the bench is told.</summary>
    public CommandKind? Unanswered { get; set; }

    public MessageHeader? Open { get; private set; }

    public FakePeer Peer => _peer!;

    public Kvmi.Policy.Engine.Summary.EngineSummary Summary => _engine.GetSummary();

    /// <summary>Attaches the VM; what the engine arms meanwhile is carried out when the first reply is read.</summary>
    public DeadlineBench Attach(uint vcpus = 1)
    {
        _peer = FakePeer.Attached(_server.Path, vcpus);
        return this;
    }

    public void SetMaster(Kvmi.Policy.Engine.Model.MasterMode mode) => _engine.SetMasterMode(mode);

    public void Swap(Generation generation) => _engine.Swap(generation);

    public void HangOnGate() => _gate.Wait();

    public void Spin()
    {
        while (!Volatile.Read(ref _release))
        {
        }
    }

    /// <summary>Lets everything go that hangs.</summary>
    public void Release()
    {
        Volatile.Write(ref _release, true);
        _gate.Set();
    }

    public void Send(ushort vcpu, EventBody body) => Peer.SendEvent(vcpu, body);

    /// <summary>Carries out commands until a reply to an event comes.</summary>
    public (uint Sequence, ushort Vcpu, EventAction Action, ulong NewValue) Reply(EventKind kind = EventKind.Cr)
    {
        while (true)
        {
            var (header, message) = Peer.ReadHeader();
            if (FakePeer.V7.Classify(MessageDirection.ToolToKernel, header.Id) == MessageRole.EventReply)
            {
                Assert.Equal(CommandStatus.Ok, FakePeer.V7.ReadEventReply(message, kind, out var vcpu, out _, out var reply));
                return (header.Sequence, vcpu, reply.Action, reply.NewValue);
            }

            CarryOut(header, message);
        }
    }

    /// <summary>Carries out commands until one has come that ends the wait.</summary>
    public void CarryOutUntil(Func<bool> condition)
    {
        while (!condition())
        {
            var (header, message) = Peer.ReadHeader();
            Assert.Equal(MessageRole.Command, FakePeer.V7.Classify(MessageDirection.ToolToKernel, header.Id));
            CarryOut(header, message);
        }
    }

    /// <summary>Carries out commands until something else has happened.</summary>
    public void CarryOutUntil(Task happens)
    {
        while (!happens.IsCompleted)
        {
            TestServer.Until(() => happens.IsCompleted || Peer.HasData, "nothing comes");
            if (Peer.HasData)
            {
                CarryOut(Peer.ReadHeader());
            }
        }
    }

    public (uint Sequence, ushort Vcpu, EventAction Action, ulong NewValue) Ask(ushort vcpu, EventBody body, EventKind kind = EventKind.Cr)
    {
        Send(vcpu, body);
        return Reply(kind);
    }

    public StatusOutput[] Statuses(string status) => [.. Records().OfType<StatusOutput>().Where(record => record.Status == status)];

    public OutputRecord[] Records()
    {
        _engine.Flush();
        return _sink.Records;
    }

    public async ValueTask DisposeAsync()
    {
        Release();
        var stop = _server.Server.StopAsync();
        if (_peer is not null)
        {
            // Commands with which the engine gives back what it holds.
            while (Record.Exception(() => CarryOut(Peer.ReadHeader())) is null)
            {
            }
        }

        await stop;
        _peer?.Dispose();
        await _server.DisposeAsync();
        _engine.Dispose();
        _gate.Dispose();
    }

    private void CarryOut((MessageHeader Header, byte[] Message) message) => CarryOut(message.Header, message.Message);

    private void CarryOut(MessageHeader header, byte[] message)
    {
        Assert.True(FakePeer.V7.TryGetCommand(header.Id, out var kind));
        Commands.Add(kind);
        if (kind == Unanswered)
        {
            Open = header;
            return;
        }

        var payload = message.AsSpan(MessageHeader.Length);
        switch (kind)
        {
            case CommandKind.SetPageAccess:
                FakePeer.V7.Read(payload, out SetPageAccess access);
                for (var i = 0; i < access.Count; i++)
                {
                    Assert.True(access.TryGetEntry(i, out var gpa, out var allowed));
                    Pages[gpa] = (PageAccess)allowed;
                }

                Peer.Reply(header, KvmiError.None);
                break;
            case CommandKind.ReadPhysical:
                FakePeer.V7.Read(payload, out ReadPhysical read);
                Peer.Reply(header, new byte[read.Size]);
                break;
            case CommandKind.GetVmInfo:
                Peer.Reply(header, new byte[16]);
                break;
            default:
                Peer.Reply(header, KvmiError.None);
                break;
        }
    }
}
