using Kvmi.Session.Faults;

namespace Kvmi.Session.Vm;

/// <content>Faults that are injected on purpose. Without them each is one look at a null reference.</content>
internal sealed partial class VmConnection
{
    private readonly PeerFaults? _faults;

    /// <summary>A message was taken: maybe it was the peer's last.</summary>
    private void InjectLoss()
    {
        if (_faults?.LostPeer is { } fault && fault.Strikes())
        {
            throw Lose(DetachReason.PeerLost, "fault injection ended it (lost-peer)");
        }
    }

    /// <summary>An answer is waited for: maybe it is late. The watchdog may answer the event meanwhile, as in any wait for bytes.</summary>
    private void InjectDelay()
    {
        if (_faults?.SlowPeer is not { } fault || !fault.Strikes())
        {
            return;
        }

        var isWatched = _custody.BeginWait();
        using (var over = new ManualResetEventSlim())
        using (_time.CreateTimer(static state => ((ManualResetEventSlim)state!).Set(), over, _faults.SlowPeerDelay, Timeout.InfiniteTimeSpan))
        {
            over.Wait();
        }

        if (isWatched)
        {
            _custody.EndWait();
        }
    }
}
