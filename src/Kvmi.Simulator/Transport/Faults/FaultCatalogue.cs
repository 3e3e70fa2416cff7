namespace Kvmi.Simulator.Transport.Faults;

/// <summary>All kinds of faults (kvmi-later-dialects.md 7.4, 4, and what real networks and slow hosts do). A new kind is one line here and one case in the writer.</summary>
internal static class FaultCatalogue
{
    private static readonly TimeSpan Short = TimeSpan.FromMilliseconds(20);

    // Longer than the 10 s that tools and device managers grant each other (kvmi-later-dialects.md 2.5).
    private static readonly TimeSpan PastHandshake = TimeSpan.FromSeconds(12);

    /// <summary>All of them, the harmless ones first.</summary>
    public static IReadOnlyList<FaultDescription> All { get; } =
    [
        new(FaultKind.SlowKernel, "slow-kernel", "waits before it sends a message", FaultScope.Any) { ScopeIsFree = true, Delay = Short },
        new(FaultKind.ShortWrites, "short-writes", "sends a message in small pieces, of one byte unless 'bytes' says more", FaultScope.Any)
        {
            ScopeIsFree = true, Delay = TimeSpan.Zero, TakesBytes = true,
        },
        new(FaultKind.EventBetween, "event-between", "holds a reply back until an event has gone before it, or the delay is over", FaultScope.Replies)
        {
            Delay = Short,
        },
        new(FaultKind.SlowHandshake, "slow-handshake", "waits in the middle of the hello", FaultScope.Hello) { Breaks = true, Delay = PastHandshake },
        new(FaultKind.WrongSequence, "wrong-seq", "gives a message a sequence number that is not its own", FaultScope.Any) { ScopeIsFree = true, Breaks = true },
        new(FaultKind.Garbage, "garbage", "sends random bytes instead of a message, as many as it has or 'bytes' says", FaultScope.Any)
        {
            ScopeIsFree = true, Breaks = true, TakesBytes = true,
        },
        new(FaultKind.GarbagePayload, "garbage-payload", "leaves the header alone and fills the rest with random bytes", FaultScope.Any)
        {
            ScopeIsFree = true, Breaks = true,
        },
        new(FaultKind.ShortReply, "short-reply", "leaves out the end of a reply: one byte, or as many as 'bytes' says", FaultScope.Replies)
        {
            Breaks = true, TakesBytes = true,
        },
        new(FaultKind.LongReply, "long-reply", "adds bytes to a reply: eight, or as many as 'bytes' says", FaultScope.Replies) { Breaks = true, TakesBytes = true },
        new(FaultKind.ErrorWithSurplus, "error-with-surplus", "makes an error of a reply, with bytes behind the code: eight, or as many as 'bytes' says",
            FaultScope.Replies)
        {
            Breaks = true, TakesBytes = true,
        },
        new(FaultKind.SpuriousEvent, "spurious-event", "sends an event twice, the second time with another sequence number", FaultScope.Events) { Breaks = true },
        new(FaultKind.CloseMidMessage, "close-mid-message", "closes inside a message: in its middle, or behind the 'bytes' of it", FaultScope.Any)
        {
            ScopeIsFree = true, Breaks = true, TakesBytes = true,
        },
        new(FaultKind.CloseDuringPause, "close-during-pause", "closes as soon as a PAUSE event is on its way", FaultScope.Pauses) { Breaks = true },
    ];

    /// <summary>What is known of a kind.</summary>
    public static FaultDescription Of(FaultKind kind) => All.First(fault => fault.Kind == kind);
}
