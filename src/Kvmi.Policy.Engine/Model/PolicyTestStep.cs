using Kvmi.Policy.Engine.Findings;
using Kvmi.Protocol;

namespace Kvmi.Policy.Engine.Model;

/// <summary>One event of a test and what is expected of it.</summary>
public sealed record PolicyTestStep
{
    /// <summary>The event.</summary>
    public required EventKind Event { get; init; }

    /// <summary>
    /// Fields of the event: cr, msr, old, new, gva, gpa, access, descriptor, write, vcpu, rip, cs, cr3, and the general
    /// registers by name. Numbers only; msr and access names are resolved.
    /// </summary>
    public required IReadOnlyDictionary<string, ulong> With { get; init; }

    /// <summary>Time that passes before the event; null for a millisecond.</summary>
    public TimeSpan? After { get; init; }

    /// <summary>What has been written to guest memory before the event.</summary>
    public IReadOnlyList<PolicyTestMemory> Memory { get; init; } = [];

    /// <summary>What is expected; null when the step only sets the scene.</summary>
    public PolicyTestExpectation? Expect { get; init; }

    /// <summary>Where it is declared.</summary>
    public required SourceLocation Location { get; init; }
}
