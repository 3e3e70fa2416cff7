namespace Kvmi.Policy.Engine.Configuration.Rules;

/// <summary>The rules, in the order in which they are checked.</summary>
internal static class PolicyRules
{
    public static IReadOnlyList<IPolicyRule> All { get; } =
    [
        new ErrorDecisionRule(),
        new AuditFailsOpenRule(),
        new ExperimentalRule(),
        new WatchIsHeardRule(),
        new UntrustedStateRule(),
        new RateRule(),
        new UntrustedSinglestepRule(),
        new UntrustedViewsRule(),
        new FilterCanMatchRule(),
        new DialectRule(),
        new AlertsRule(),
    ];
}
