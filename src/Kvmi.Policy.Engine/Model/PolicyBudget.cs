namespace Kvmi.Policy.Engine.Model;

/// <summary>What one run of a handler may use, and how long it may take.</summary>
/// <param name="Fuel">Steps: turns of loops and entries of methods; a caught exception counts as 500. Scripts only: plugins are not metered.</param>
/// <param name="Memory">Bytes that the handler may allocate, plugins included.</param>
public sealed record PolicyBudget(long Fuel, long Memory)
{
    /// <summary>Longest <see cref="Timeout"/>: a vCPU waits no longer than this for all policies together.</summary>
    public static readonly TimeSpan MaxTimeout = TimeSpan.FromMilliseconds(500);

    /// <summary>How long constructor, top-level statements and OnAttach may take together, once a VM and reload.</summary>
    public static readonly TimeSpan StartTimeout = TimeSpan.FromSeconds(5);

    /// <summary>How long OnDetach may take.</summary>
    public static readonly TimeSpan DetachTimeout = TimeSpan.FromSeconds(1);

    /// <summary>
    /// How long a handler may take for one event, the commands that it sends included. Then the event is answered without it, and if it
    /// does not return soon after, the policy is quarantined.
    /// </summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>
    /// The vote of a handler that has passed <see cref="Timeout"/>: allow, keep, retry or crash. An audit policy's is always allow (retry for
    /// a page fault). Null: that of onError.
    /// </summary>
    public DecisionKind? OnTimeout { get; init; }

    /// <summary>How often its handlers may be called on one VM; null for no limit.</summary>
    public PolicyRate? Rate { get; init; }

    /// <summary>What holds without a <c>budget</c> block: five million steps (some ten milliseconds) and 16 MiB.</summary>
    public static PolicyBudget Default { get; } = new(5_000_000, 16 * 1024 * 1024);

    /// <summary>What the top-level statements of a script may use, once a VM and reload.</summary>
    public static PolicyBudget Initialization { get; } = new(50_000_000, 256 * 1024 * 1024);
}
