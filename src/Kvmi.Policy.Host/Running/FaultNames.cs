namespace Kvmi.Policy.Host.Running;

/// <summary>The kinds of faults as users write them.</summary>
internal static class FaultNames
{
    private static readonly (string Name, FaultKind Kind)[] Names =
    [
        ("timeout", FaultKind.Timeout),
        ("exception", FaultKind.Exception),
        ("lost-peer", FaultKind.LostPeer),
        ("slow-peer", FaultKind.SlowPeer),
        ("full-queue", FaultKind.FullQueue),
        ("gc", FaultKind.GarbageCollection),
        ("oom", FaultKind.OutOfMemory),
    ];

    /// <summary>All of them, for help and errors.</summary>
    public static string All { get; } = string.Join(", ", Names.Select(entry => entry.Name));

    public static FaultKind? Find(string name)
    {
        foreach (var entry in Names)
        {
            if (entry.Name == name)
            {
                return entry.Kind;
            }
        }

        return null;
    }

    public static string Of(FaultKind kind) => Array.Find(Names, entry => entry.Kind == kind).Name;
}
