namespace Kvmi.Policy.Engine.Summary;

/// <summary>One histogram of a policy on one VM. A picture without a stop: its rows may be a few events apart.</summary>
/// <param name="Policy">Identity of the policy.</param>
/// <param name="Vm">Name of the VM.</param>
/// <param name="Name">Name of the histogram.</param>
/// <param name="Total">How often something was counted.</param>
/// <param name="Keys">How many keys are counted now.</param>
/// <param name="MaxError">
/// 0: every key that occurred is there with its exact count. Otherwise there were more keys than fit: a key that is missing occurred at most this
/// often, and a count may be too high by as much.
/// </param>
/// <param name="Elapsed">Time from the first to the last event that was counted.</param>
/// <param name="Top">The most frequent keys, most frequent first.</param>
public sealed record CountSummary(
    string Policy, string Vm, string Name, long Total, int Keys, long MaxError, TimeSpan Elapsed, IReadOnlyList<KeyCount> Top);
