namespace Kvmi.Simulator.Kernel.Hooking;

/// <summary>Where the kernels differ in how they take a hook. Immutable.</summary>
internal sealed record HookProfile
{
    /// <summary>The series after rfc-v5 (kvmi-later-dialects.md 2.7).</summary>
    public static readonly HookProfile Later = new();

    /// <summary>The kernel as posted in rfc-v5 (profile K): a second HOOK waits for the end of the session (rfc-v5 5.1, A15).</summary>
    public static readonly HookProfile RfcV5Code = new() { SecondHookWaits = true };

    /// <summary>The document of rfc-v5 (profile D): every failure is EFAULT (A15, A16).</summary>
    public static readonly HookProfile RfcV5Document = new() { FailsWithFaultOnly = true };

    /// <summary>True when a HOOK of a VM that is introspected waits for its turn, false when it fails.</summary>
    public bool SecondHookWaits { get; init; }

    /// <summary>True when every failure is reported as EFAULT.</summary>
    public bool FailsWithFaultOnly { get; init; }

    /// <summary>True when the masks of an rfc-v5 HOOK count; the code as posted ignores them (rfc-v5 2.2, A2).</summary>
    public bool HonoursMasks { get; init; } = true;
}
