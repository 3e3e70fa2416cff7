namespace Kvmi.Policy.Host.Running;

/// <summary>Kinds of faults that a run can inject, in the order in which they are told.</summary>
internal enum FaultKind
{
    Timeout,
    Exception,
    LostPeer,
    SlowPeer,
    FullQueue,
    GarbageCollection,
    OutOfMemory,
}
