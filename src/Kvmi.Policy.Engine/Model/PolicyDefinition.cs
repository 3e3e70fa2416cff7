using Kvmi.Policy.Engine.Findings;

namespace Kvmi.Policy.Engine.Model;

/// <summary>A policy file after validation: parameters resolved, defaults filled in. Immutable.</summary>
public sealed record PolicyDefinition
{
    /// <summary>Identity, unique in a set.</summary>
    public required string Id { get; init; }

    /// <summary>Semantic version.</summary>
    public required string Version { get; init; }

    /// <summary>Path of the policy file.</summary>
    public required string File { get; init; }

    /// <summary>One line for people.</summary>
    public string Title { get; init; } = "";

    /// <summary>What it protects against, how, and at what cost.</summary>
    public string Description { get; init; } = "";

    /// <summary>experimental, test, stable or deprecated.</summary>
    public string Status { get; init; } = "test";

    /// <summary>Severity of its alerts.</summary>
    public PolicySeverity Severity { get; init; } = PolicySeverity.Medium;

    /// <summary>Free tags.</summary>
    public IReadOnlyList<string> Tags { get; init; } = [];

    /// <summary>MITRE ATT&amp;CK technique ids.</summary>
    public IReadOnlyList<string> Attack { get; init; } = [];

    /// <summary>Who answers for it; may be empty.</summary>
    public string Owner { get; init; } = "";

    /// <summary>Documents that back it.</summary>
    public IReadOnlyList<string> References { get; init; } = [];

    /// <summary>Legitimate causes of its alerts.</summary>
    public IReadOnlyList<string> FalsePositives { get; init; } = [];

    /// <summary>Mode in force: the file's, unless a load option overrides it.</summary>
    public required PolicyMode Mode { get; init; }

    /// <summary>What the file says, whatever overrides it.</summary>
    public PolicyMode FileMode { get; init; }

    /// <summary>Lower decides first among equal votes.</summary>
    public int Priority { get; init; } = 500;

    /// <summary>What it needs.</summary>
    public PolicyRequirements Requires { get; init; } = new();

    /// <summary>Whom it is for.</summary>
    public PolicyTarget Target { get; init; } = new();

    /// <summary>Parameters by name.</summary>
    public IReadOnlyDictionary<string, PolicyParameter> Parameters { get; init; } = new Dictionary<string, PolicyParameter>();

    /// <summary>
    /// Names of required parameters without a value. A definition with any cannot run: they are absent from
    /// <see cref="Parameters"/>, and filters and watches that name them match nothing. Empty unless the load option asked for it.
    /// </summary>
    public IReadOnlyList<string> MissingParameters { get; init; } = [];

    /// <summary>Pages to restrict.</summary>
    public IReadOnlyList<PolicyWatch> Watch { get; init; } = [];

    /// <summary>Subscriptions, at least one.</summary>
    public required IReadOnlyList<PolicySubscription> Subscriptions { get; init; }

    /// <summary>Where the handlers come from.</summary>
    public required PolicyCode Code { get; init; }

    /// <summary>Whether its code may run in the host process: the file's word, unless a load option says untrusted for all.</summary>
    public PolicyTrust Trust { get; init; } = PolicyTrust.Trusted;

    /// <summary>What one run of a handler may use.</summary>
    public PolicyBudget Budget { get; init; } = PolicyBudget.Default;

    /// <summary>What an error does.</summary>
    public PolicyErrorHandling OnError { get; init; } = new(DecisionKind.Allow, 3, TimeSpan.FromMinutes(1));

    /// <summary>State.</summary>
    public PolicyStateSettings State { get; init; } = new(PolicyStateScope.Vm, KeepOnReload: true);

    /// <summary>Thinning of alerts.</summary>
    public PolicyAlertSettings Alerts { get; init; } = new([], TimeSpan.Zero);

    /// <summary>Known good cases.</summary>
    public IReadOnlyList<PolicyException> Exceptions { get; init; } = [];

    /// <summary>Tests written inside the policy.</summary>
    public IReadOnlyList<PolicyTest> Tests { get; init; } = [];

    /// <summary>Where the id is declared.</summary>
    public required SourceLocation Location { get; init; }
}
