using Kvmi.Policy.Engine.Model;
using Kvmi.Protocol;

namespace Kvmi.Policy.Engine.Output;

/// <summary>An alert or a record of a policy.</summary>
public sealed record NoticeOutput : OutputRecord
{
    /// <summary>True for an alert, false for a record.</summary>
    public required bool IsAlert { get; init; }

    /// <summary>The policy.</summary>
    public required string Policy { get; init; }

    /// <summary>Name of the alert or record.</summary>
    public required string Name { get; init; }

    /// <summary>Severity of the policy.</summary>
    public required PolicySeverity Severity { get; init; }

    /// <summary>Mode of the policy.</summary>
    public required PolicyMode Mode { get; init; }

    /// <summary>vCPU of the event; null outside an event.</summary>
    public int? Vcpu { get; init; }

    /// <summary>The event; null outside an event.</summary>
    public EventKind? Event { get; init; }

    /// <summary>The policy's fields.</summary>
    public required IReadOnlyList<OutputField> Fields { get; init; }
}
