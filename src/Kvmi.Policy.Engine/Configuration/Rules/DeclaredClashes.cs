using System.Globalization;
using Kvmi.Policy.Engine.Code;
using Kvmi.Policy.Engine.Configuration.Filters;
using Kvmi.Policy.Engine.Configuration.Reading;
using Kvmi.Policy.Engine.Findings;
using Kvmi.Policy.Engine.Model;

namespace Kvmi.Policy.Engine.Configuration.Rules;

/// <summary>
/// Enforcing policies that declare different decisions about the same events. Two values for one register, or two exceptions, with one priority
/// are an error: nobody has said which one is meant. Of two kinds of decision the stronger one wins whatever the priority; that is a warning
/// unless the priorities say the same. Only what is certain is found: decisions of handlers are not known before they run.
/// </summary>
internal static class DeclaredClashes
{
    /// <summary>Findings of one set; more would bury what else is wrong.</summary>
    internal const int MostFindings = 50;

    /// <summary>Pairs of subscriptions that are compared: 1,000 policies of 2 make 2 million.</summary>
    internal const int MostPairs = 4_000_000;

    /// <summary>Finds them, in the order of the policies.</summary>
    public static IReadOnlyList<Finding> Find(IReadOnlyList<PolicyDefinition> policies)
    {
        var findings = new List<Finding>();
        var pairs = 0;
        var declared = policies
            .Where(policy => policy.Mode == PolicyMode.Enforce && policy.MissingParameters.Count == 0)
            .SelectMany(policy => policy.Subscriptions.Where(subscription => Counts(subscription.Then)).Select(subscription => (Policy: policy, Subscription: subscription)))
            .GroupBy(entry => entry.Subscription.Event);
        foreach (var entries in declared.Select(group => group.ToArray()))
        {
            for (var later = 1; later < entries.Length; later++)
            {
                for (var earlier = 0; earlier < later; earlier++)
                {
                    if (++pairs > MostPairs || findings.Count >= MostFindings)
                    {
                        findings.Add(new Finding(
                            entries[later].Subscription.Location,
                            FindingSeverity.Warning,
                            FindingCodes.ClashesNotSearched,
                            "From here on it is not known whether policies declare different decisions about the same events: there are too many of them.",
                            findings.Count >= MostFindings ? "mend those that are shown" : "load fewer policies with then"));
                        return findings;
                    }

                    if (Check(entries[earlier], entries[later]) is { } finding)
                    {
                        findings.Add(finding);
                    }
                }
            }
        }

        return findings;
    }

    // Allow and retry leave the guest as it is; any other decision is stronger, and meant to be.
    private static bool Counts(PolicyThen? then) => then is not null && then.Decision is not (DecisionKind.Allow or DecisionKind.Retry);

    private static Finding? Check((PolicyDefinition Policy, PolicySubscription Subscription) earlier, (PolicyDefinition Policy, PolicySubscription Subscription) later)
    {
        var (one, other) = (earlier.Subscription.Then!, later.Subscription.Then!);
        var sameKind = one.Decision == other.Decision;
        if ((sameKind ? SameContent(one, other) || earlier.Policy.Priority != later.Policy.Priority : IsOrdered(earlier, later))
            || !FilterOverlap.Exists(earlier.Policy, earlier.Subscription, later.Policy, later.Subscription))
        {
            return null;
        }

        var isOne = ReferenceEquals(earlier.Policy, later.Policy);
        var place = isOne ? $"this policy at {earlier.Subscription.Location}" : $"the policy '{earlier.Policy.Id}' at {earlier.Subscription.Location}";
        var events = PolicyEvents.Find(later.Subscription.Event)?.Name ?? later.Subscription.Event.ToString();
        if (sameKind)
        {
            return new Finding(
                later.Subscription.Location,
                FindingSeverity.Error,
                FindingCodes.DeclaredClash,
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"This {Describe(other)} and the {Describe(one)} of {place} answer the same {events} events, both with priority {later.Policy.Priority}: nobody says which one is meant."),
                isOne ? "narrow a filter" : "give one of them a lower priority number, so that it decides, or narrow a filter");
        }

        var (winner, loser) = one.Decision > other.Decision ? (one, other) : (other, one);
        return new Finding(
            later.Subscription.Location,
            FindingSeverity.Warning,
            FindingCodes.DeclaredOverruled,
            $"This {Describe(other)} and the {Describe(one)} of {place} answer the same {events} events: {NameOf(winner)} is stronger than {NameOf(loser)} whatever the priority.",
            isOne ? "narrow a filter" : $"narrow a filter, or give the {NameOf(winner)} a lower priority number to say that this is meant");
    }

    private static bool SameContent(PolicyThen one, PolicyThen other) => one.Value == other.Value && one.Exception == other.Exception;

    /// <summary>True when the priorities say what the ranking of decisions says.</summary>
    private static bool IsOrdered((PolicyDefinition Policy, PolicySubscription Subscription) one, (PolicyDefinition Policy, PolicySubscription Subscription) other) =>
        one.Subscription.Then!.Decision > other.Subscription.Then!.Decision ? one.Policy.Priority < other.Policy.Priority : other.Policy.Priority < one.Policy.Priority;

    private static string NameOf(PolicyThen then) => DecisionWords.NameOf(then.Decision);

    private static string Describe(PolicyThen then) => then.Decision switch
    {
        DecisionKind.Set => $"set 0x{then.Value:x}",
        DecisionKind.Inject when then.Exception.ErrorCode != 0 =>
            string.Create(CultureInfo.InvariantCulture, $"inject of exception {then.Exception.Vector} (error code 0x{then.Exception.ErrorCode:x})"),
        DecisionKind.Inject => string.Create(CultureInfo.InvariantCulture, $"inject of exception {then.Exception.Vector}"),
        _ => NameOf(then),
    };
}
