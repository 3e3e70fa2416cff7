using Kvmi.Policy.Engine.Output;
using Kvmi.Protocol;

namespace Kvmi.Policy.Engine.Leases;

/// <summary>Something about a lease that a person has to know: a command that the kernel refused, a byte that the guest has changed.</summary>
/// <param name="What">What was tried or seen, without a full stop.</param>
/// <param name="Error">The kernel's error; None when it is not about a command.</param>
internal readonly record struct LeaseFault(string What, KvmiError Error)
{
    public const string DefaultStatus = "lease-error";

    /// <summary>Word of the status line.</summary>
    public string Status { get; init; } = DefaultStatus;

    /// <summary>The policy concerned; null when it is all of them.</summary>
    public string? Policy { get; init; }

    public IReadOnlyList<OutputField> Fields { get; init; } = [];

    public override string ToString() => Error == KvmiError.None ? What : $"{What}: the kernel answered {Error} ({(int)Error})";
}
