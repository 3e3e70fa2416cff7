namespace Kvmi.Policy.Engine.Model;

/// <summary>What one run of a handler may use.</summary>
/// <param name="Fuel">Steps: turns of loops and entries of methods; a caught exception counts as 500. Scripts only: plugins are not metered.</param>
/// <param name="Memory">Bytes that the handler may allocate, plugins included.</param>
public sealed record PolicyBudget(long Fuel, long Memory)
{
    /// <summary>What holds without a <c>budget</c> block: five million steps (some ten milliseconds) and 16 MiB.</summary>
    public static PolicyBudget Default { get; } = new(5_000_000, 16 * 1024 * 1024);

    /// <summary>What the top-level statements of a script may use, once a VM and reload.</summary>
    public static PolicyBudget Initialization { get; } = new(50_000_000, 256 * 1024 * 1024);
}
