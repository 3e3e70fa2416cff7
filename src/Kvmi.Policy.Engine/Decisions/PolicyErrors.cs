using System.Globalization;
using Kvmi.Policy.Engine.Containment.Metering;
using Kvmi.Policy.Engine.Containment.Worker;
using Kvmi.Policy.Engine.Dispatch;
using Kvmi.Policy.Engine.Runtime;
using Kvmi.Protocol;

namespace Kvmi.Policy.Engine.Decisions;

/// <summary>What an error of a policy does: counted, reported, answered with onError, and too many of them end its service.</summary>
internal static class PolicyErrors
{
    /// <summary>Counts and reports an error, under a word of its own or as "policy-error".</summary>
    /// <returns>The decision that stands in for the handler's.</returns>
    public static Decision Report(VmContext context, PolicySet set, PolicyInstance policy, in EventFacts facts, string problem, string status = "policy-error")
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
                status,
                policy.Id,
                $"On a {facts.Kind} event of vCPU {facts.Vcpu} at 0x{facts.Rip:x} it {problem}{before}.");
        }

        return Replacement(policy, policy.Definition.OnError.Decision, in facts);
    }

    /// <summary>A handler came back too late: counted and reported like an error.</summary>
    /// <returns>The decision that stands in for the handler's.</returns>
    public static Decision ReportLate(VmContext context, PolicySet set, PolicyInstance policy, in EventFacts facts)
    {
        policy.Statistics.CountTimeout();
        Report(context, set, policy, in facts, $"{TimeoutText(policy)}; the event was answered without it", "timeout");
        return AtTimeout(policy, in facts);
    }

    /// <summary>What a handler did that passed its deadline, to follow "it".</summary>
    public static string TimeoutText(PolicyInstance policy) => string.Create(
        CultureInfo.InvariantCulture,
        $"took longer than its time-out of {policy.Definition.Budget.Timeout.TotalMilliseconds:0.###} ms, or the time of all policies for one event, allows");

    /// <summary>The onTimeout decision where it is legal; an audit policy never fails closed.</summary>
    public static Decision AtTimeout(PolicyInstance policy, in EventFacts facts) =>
        Replacement(policy, policy.Definition.Budget.OnTimeout ?? policy.Definition.OnError.Decision, in facts);

    /// <summary>What an exception of a handler says, to follow "it".</summary>
    public static string TextOf(Exception exception) =>
        exception is WorkerHandlerException ? exception.Message : $"threw {ExceptionText.Of(exception)}";

    /// <summary>The onError decision while the worker of an untrusted policy is away: its death was reported.</summary>
    public static Decision WhileAway(PolicyInstance policy, in EventFacts facts) =>
        Replacement(policy, policy.Definition.OnError.Decision, in facts);

    /// <summary>The word's decision where it is legal; an audit policy never fails closed.</summary>
    private static Decision Replacement(PolicyInstance policy, DecisionKind word, in EventFacts facts)
    {
        if (!policy.Enforcing || !LegalDecisions.IsLegal(facts.Kind, word))
        {
            return facts.Kind == EventKind.PageFault ? Decision.Retry : Decision.Allow;
        }

        return HandlerCall.FromWord(word, in facts);
    }
}
