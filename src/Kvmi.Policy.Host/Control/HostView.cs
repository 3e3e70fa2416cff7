using Kvmi.Policy.Engine;
using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Host.Running;
using Kvmi.Session;

namespace Kvmi.Policy.Host.Control;

/// <summary>A running host as the control socket and the metrics see it. Any thread; takes no lock that a VM's thread takes.</summary>
internal sealed class HostView : IDisposable
{
    public HostView(PolicyEngine engine, KvmiServer server, LivePolicies policies, RecordFeed feed, PolicyMode? modeOption, TimeProvider time)
    {
        Engine = engine;
        Server = server;
        Policies = policies;
        Feed = feed;
        ModeOption = modeOption;
        Time = time;
        Started = time.GetUtcNow();
        Rates = new EventRates(server, time);
    }

    public PolicyEngine Engine { get; }

    public KvmiServer Server { get; }

    public LivePolicies Policies { get; }

    public RecordFeed Feed { get; }

    /// <summary>The mode that the run was started with; null for the files'.</summary>
    public PolicyMode? ModeOption { get; }

    public TimeProvider Time { get; }

    /// <summary>When the run began to listen.</summary>
    public DateTimeOffset Started { get; }

    public EventRates Rates { get; }

    /// <summary>Connections of other users that were refused.</summary>
    public long RefusedPeers => Interlocked.Read(ref _refusedPeers);

    /// <summary>Listening, policies live, and the thread that answers at deadlines alive.</summary>
    public bool IsReady => Server.Endpoints.Count > 0 && Engine.Current is not null && Server.IsGuarded;

    private long _refusedPeers;

    /// <summary>Somebody else's connection was refused.</summary>
    /// <returns>How many there were.</returns>
    public long CountRefusedPeer() => Interlocked.Increment(ref _refusedPeers);

    public void Dispose() => Rates.Dispose();
}
