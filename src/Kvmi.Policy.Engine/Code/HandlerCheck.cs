using Kvmi.Policy.Engine.Findings;
using Kvmi.Policy.Engine.Model;

namespace Kvmi.Policy.Engine.Code;

/// <summary>
/// Checks that each subscription of a policy finds its handler: the one rule for scripts and plugins, so that both get the
/// same messages.
/// </summary>
internal static class HandlerCheck
{
    private static readonly string DecisionName = typeof(Decision).FullName!;

    /// <summary>Adds a finding for every subscription whose handler is missing or has another signature.</summary>
    /// <param name="definition">The policy.</param>
    /// <param name="methods">The methods that its code has.</param>
    /// <param name="codeName">What the message calls the code: a script path or a class name.</param>
    /// <param name="findings">Where to add.</param>
    public static void Check(
        PolicyDefinition definition, IReadOnlyList<HandlerMethod> methods, string codeName, ICollection<Finding> findings)
    {
        for (var i = 0; i < definition.Subscriptions.Count; i++)
        {
            if (definition.Subscriptions[i] is { Handler: { } handler } subscription)
                Check(definition, handler, subscription, i + 1, methods, codeName, findings);
        }
    }

    /// <summary>What a handler of an event has to look like.</summary>
    public static string Expected(string handler, PolicyEventInfo info) => $"`Decision {handler}({info.HandlerType.Name} e)`";

    private static void Check(
        PolicyDefinition definition,
        string handler,
        PolicySubscription subscription,
        int number,
        IReadOnlyList<HandlerMethod> methods,
        string codeName,
        ICollection<Finding> findings)
    {
        if (PolicyEvents.Find(subscription.Event) is not { } info)
        {
            findings.Add(new(subscription.Location, FindingSeverity.Error, CodeFindings.HandlerSignature,
                $"policy '{definition.Id}', subscription {number}: policies cannot subscribe to {subscription.Event} events"));
            return;
        }

        var named = methods.Where(method => method.Name == handler).ToList();
        if (named.Count == 0)
        {
            findings.Add(new(subscription.Location, FindingSeverity.Error, CodeFindings.HandlerMissing,
                $"policy '{definition.Id}', subscription {number}: {codeName} has no method {handler}: expected {Expected(handler, info)}",
                NameSuggestion.Hint(handler, methods.Select(method => method.Name))));
            return;
        }

        if (named.Any(method => Problem(method, info, number) is null))
            return;

        findings.Add(new(named[0].Location, FindingSeverity.Error, CodeFindings.HandlerSignature,
            $"{Problem(named[0], info, number)}: expected {Expected(handler, info)}"));
    }

    private static string? Problem(HandlerMethod method, PolicyEventInfo info, int number)
    {
        var purpose = $"but subscription {number} is for {info.Name} events";
        if (method.IsGeneric)
            return $"{method.Name} has type parameters, {purpose}";
        if (method.ParameterTypes.Count != 1 || method.ParameterTypes[0] != info.HandlerType.FullName)
            return $"{method.Name} takes ({string.Join(", ", method.ParameterTypes.Select(ShortName))}), {purpose}";
        if (method.ReturnType != DecisionName)
            return $"{method.Name} returns {ShortName(method.ReturnType)}, {purpose}";
        return null;
    }

    private static string ShortName(string type)
    {
        var prefix = type.StartsWith("ref ", StringComparison.Ordinal) ? "ref " : "";
        return type switch
        {
            "System.Void" => "void",
            "System.Boolean" => "bool",
            _ => prefix + type[(type.LastIndexOf('.') + 1)..],
        };
    }
}
