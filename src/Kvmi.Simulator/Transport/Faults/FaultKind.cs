namespace Kvmi.Simulator.Transport.Faults;

/// <summary>What can go wrong between the kernel and the tool on purpose. <see cref="FaultCatalogue"/> has the names and what each one does.</summary>
internal enum FaultKind
{
    SlowKernel,
    ShortWrites,
    EventBetween,
    SlowHandshake,
    WrongSequence,
    Garbage,
    GarbagePayload,
    ShortReply,
    LongReply,
    ErrorWithSurplus,
    SpuriousEvent,
    CloseMidMessage,
    CloseDuringPause,
}
