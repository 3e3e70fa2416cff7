using Kvmi.Protocol;

namespace Kvmi.Simulator.Kernel;

/// <content>What a hook keeps for rfc-v5 alone: who waits for which event, absolute event masks, rights of frames without memory.</content>
internal sealed partial class HookedVm
{
    // The real kernel keeps them without a bound until memory ends; this is where memory ends here.
    private const int MaxUnbackedPages = 1 << 20;

    private readonly Dictionary<uint, ushort> _waiters = [];
    private readonly Dictionary<ulong, PageAccess> _unbackedPages = [];

    /// <summary>Finds the vCPU that waits for the reply with a sequence number, where replies do not name it (rfc-v5 4.9). Any thread.</summary>
    public bool TryFindWaiter(uint sequence, out ushort vcpu)
    {
        lock (_writeGate)
        {
            return _waiters.TryGetValue(sequence, out vcpu);
        }
    }

    /// <summary>Nobody waits for this sequence number any more. Any thread.</summary>
    public void ForgetWaiter(uint sequence)
    {
        lock (_writeGate)
        {
            _waiters.Remove(sequence);
        }
    }

    /// <summary>Replaces the whole set of VM events. Any thread.</summary>
    public void ReplaceVmEvents(uint events) => Interlocked.Exchange(ref _vmEvents, events);

    /// <summary>Reads the access rights of a page; frames that nobody restricted may be used for all (rfc-v5 3.6). Any thread.</summary>
    public PageAccess GetPageAccess(ulong gpa)
    {
        lock (_pageGate)
        {
            return Context.Machine.TryGetPageAccess(gpa, out var access) ? access : _unbackedPages.GetValueOrDefault(gpa >> 12, PageAccess.All);
        }
    }

    private KvmiError RememberPage(ulong gpa, PageAccess access)
    {
        if (access == PageAccess.All)
        {
            _unbackedPages.Remove(gpa >> 12);
            return KvmiError.None;
        }

        if (_unbackedPages.Count >= MaxUnbackedPages)
        {
            return KvmiError.NoMemory;
        }

        _unbackedPages[gpa >> 12] = access;
        return KvmiError.None;
    }
}
