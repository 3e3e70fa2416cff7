namespace Kvmi.Policy.Plugins.ProcessCensus;

/// <summary>
/// What is known about the address spaces of one VM. A root is the physical address of the top page table: CR3 without the
/// PCID and the no-flush bit (Intel SDM volume 3, 4.10.4.1). Belongs to the VM's owner thread, like every policy.
/// </summary>
public interface IProcessCensus
{
    /// <summary>Number of known roots. Kernels with page-table isolation use two roots per process.</summary>
    int Count { get; }

    /// <summary>CR3 writes that were seen.</summary>
    long TotalSwitches { get; }

    /// <summary>CR3 writes whose root was new but did not fit any more.</summary>
    long Overflowed { get; }

    /// <summary>When a root was loaded first; false when it is not known. The bits that are not part of a root are ignored.</summary>
    bool TryGetFirstSeen(ulong root, out DateTimeOffset firstSeen);

    /// <summary>When a root was loaded last; false when it is not known.</summary>
    bool TryGetLastSeen(ulong root, out DateTimeOffset lastSeen);

    /// <summary>How often a root was loaded; 0 when it is not known.</summary>
    long Switches(ulong root);
}
