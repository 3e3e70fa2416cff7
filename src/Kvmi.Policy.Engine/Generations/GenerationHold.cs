namespace Kvmi.Policy.Engine.Generations;

/// <summary>Why the code of an earlier generation is still in memory.</summary>
public enum GenerationHold
{
    /// <summary>A VM has not taken over the next one yet, a policy of it stays in service on a VM, or it waits to be promoted.</summary>
    InUse,

    /// <summary>Nothing of the tool uses it; the garbage collector has not run often enough since.</summary>
    AwaitsCollection,

    /// <summary>Nothing of the tool uses it, and the garbage collector had time enough: something outside holds it.</summary>
    Pinned,
}
