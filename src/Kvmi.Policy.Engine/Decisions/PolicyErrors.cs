using Kvmi.Policy.Engine.Dispatch;
using Kvmi.Policy.Engine.Runtime;
using Kvmi.Protocol;

namespace Kvmi.Policy.Engine.Decisions;

/// <summary>What an error of a policy does: counted, reported, answered with onError, and too many of them end its service.</summary>
internal static class PolicyErrors
{
    /// <summary>Counts and reports an error.</summary>
    /// <returns>The decision that stands in for the handler's.</returns>
    public static Decision Report(VmContext context, PolicySet set, PolicyInstance policy, in EventFacts facts, string problem)
    {
        policy.Statistics.CountError();
        if (policy.Errors.Add(out var report, out var silenced))
        {
            set.QuarantineDue = true;
            policy.QuarantineDue = true;
        }

        if (report)
        {
            var before = silenced == 0 ? "" : $" ({silenced} more errors since the last report)";
            context.Status(
                "policy-error",
                policy.Id,
                $"On a {facts.Kind} event of vCPU {facts.Vcpu} at 0x{facts.Rip:x} it {problem}{before}.");
        }

        return Replacement(policy, in facts);
    }

    /// <summary>The onError decision where it is legal; an audit policy never fails closed.</summary>
    private static Decision Replacement(PolicyInstance policy, in EventFacts facts)
    {
        var word = policy.Definition.OnError.Decision;
        if (!policy.Enforcing || !LegalDecisions.IsLegal(facts.Kind, word))
        {
            return facts.Kind == EventKind.PageFault ? Decision.Retry : Decision.Allow;
        }

        return HandlerCall.FromWord(word, in facts);
    }
}
