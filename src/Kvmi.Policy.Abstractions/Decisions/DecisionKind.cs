namespace Kvmi.Policy;

/// <summary>The kinds of decision, in the order in which votes are ranked: the highest number wins.</summary>
public enum DecisionKind : byte
{
    /// <summary>Let it happen.</summary>
    Allow = 0,

    /// <summary>Enter the guest again at the same instruction.</summary>
    Retry = 1,

    /// <summary>CR and MSR events: install another value.</summary>
    Set = 2,

    /// <summary>CR and MSR events: the old value stays.</summary>
    Keep = 3,

    /// <summary>Page-fault, breakpoint and descriptor events: go on behind the instruction without carrying it out.</summary>
    Skip = 4,

    /// <summary>Deliver an exception instead.</summary>
    Inject = 5,

    /// <summary>End the guest.</summary>
    Crash = 6,
}
