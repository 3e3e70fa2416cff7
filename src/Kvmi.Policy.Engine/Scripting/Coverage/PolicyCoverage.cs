namespace Kvmi.Policy.Engine.Scripting.Coverage;

/// <summary>What was run of one policy.</summary>
/// <param name="Policy">Id of the policy.</param>
/// <param name="Handlers">Its subscriptions, in the order of the file.</param>
/// <param name="Files">The files of its script; empty when it has none, or one that cannot be looked into.</param>
/// <param name="NotMeasured">Why there are no lines, a few words; null when there are.</param>
public sealed record PolicyCoverage(string Policy, IReadOnlyList<HandlerCoverage> Handlers, IReadOnlyList<FileCoverage> Files, string? NotMeasured)
{
    /// <summary>Subscriptions that decided at least once.</summary>
    public int HitHandlers => Handlers.Count(handler => handler.Hits > 0);

    /// <summary>Lines with statements.</summary>
    public int Lines => Files.Sum(file => file.Lines.Count);

    /// <summary>Lines that ran.</summary>
    public int HitLines => Files.Sum(file => file.Lines.Count(line => line.Hits > 0));

    /// <summary>Ways out of branches.</summary>
    public int Branches => Files.Sum(file => file.Lines.Sum(line => line.Branches));

    /// <summary>Ways out of branches that were taken.</summary>
    public int HitBranches => Files.Sum(file => file.Lines.Sum(line => line.TakenBranches));
}
