namespace Kvmi.Policy;

/// <summary>
/// How often each of many keys was seen: which CR3 values, which pages, which RIPs. Exact for the first 4096 keys; with more of them the rare ones
/// give way to new ones, and each count then says by how much it may be too high (Metwally, Agrawal, El Abbadi: Efficient computation of frequent
/// and top-k elements in data streams, 2005). Written by the VM's owner thread, read by any; adding never allocates.
/// </summary>
public interface IPolicyCounts
{
    /// <summary>Name as the summary shows it.</summary>
    string Name { get; }

    /// <summary>How often something was added, over all keys.</summary>
    long Total { get; }

    /// <summary>Counts a key.</summary>
    /// <param name="key">The key; a value of the event, as a rule.</param>
    void Add(ulong key);
}
