namespace Kvmi.Policy.Engine.Summary;

/// <summary>What the engine did since it started.</summary>
/// <param name="Generation">Number of the live generation; 0 before the first.</param>
/// <param name="Policies">Every policy that was ever live, ordered by id.</param>
/// <param name="LostOutput">Lines of output that were lost because the sink was too slow.</param>
public sealed record EngineSummary(int Generation, IReadOnlyList<PolicySummary> Policies, long LostOutput)
{
    /// <summary>Votes of all policies.</summary>
    public long Events => Policies.Sum(policy => policy.Events);

    /// <summary>Alerts of all policies.</summary>
    public long Alerts => Policies.Sum(policy => policy.Alerts);

    /// <summary>Records of all policies.</summary>
    public long Records => Policies.Sum(policy => policy.Records);

    /// <summary>Time-outs of all policies.</summary>
    public long Timeouts => Policies.Sum(policy => policy.Timeouts);

    /// <summary>Errors of all policies.</summary>
    public long Errors => Policies.Sum(policy => policy.Errors);
}
