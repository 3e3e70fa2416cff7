namespace Kvmi.Protocol;

/// <summary>The action byte of an event reply; the same numbers in every dialect (kvmi-later-dialects.md 3.8).</summary>
public enum EventAction : byte
{
    /// <summary>Carry out (or, for a page fault, emulate) what was intercepted.</summary>
    Continue = 0,

    /// <summary>Enter the guest again at its instruction pointer. Legal for page-fault, breakpoint and descriptor events.</summary>
    Retry = 1,

    /// <summary>End the guest.</summary>
    Crash = 2,
}
