namespace Kvmi.Policy.Host.Output.Records;

/// <summary>What the process allocated from its start on, and how often the garbage collector ran.</summary>
/// <param name="AllocatedBytes">Managed memory allocated, compilation of the policies included.</param>
/// <param name="Generation0">Collections of generation 0, those of higher generations included.</param>
/// <param name="Generation1">Collections of generation 1 and 2.</param>
/// <param name="Generation2">Collections of everything.</param>
internal readonly record struct MemoryOutput(long AllocatedBytes, int Generation0, int Generation1, int Generation2)
{
    /// <summary>What it is now.</summary>
    public static MemoryOutput Now() =>
        new(GC.GetTotalAllocatedBytes(), GC.CollectionCount(0), GC.CollectionCount(1), GC.CollectionCount(2));
}
