namespace Kvmi.Policy.Engine.Configuration.Reading;

/// <summary>Decisions by their names in policy files.</summary>
internal static class DecisionWords
{
    /// <summary>Reads a word that the schema has accepted.</summary>
    public static DecisionKind Parse(string text) => Enum.Parse<DecisionKind>(text, ignoreCase: true);

    public static string NameOf(DecisionKind kind) => kind.ToString().ToLowerInvariant();

    /// <summary>May stand in onError: one word says it all, and the reply alone carries it out.</summary>
    public static bool IsPlain(DecisionKind kind) => kind is DecisionKind.Allow or DecisionKind.Keep or DecisionKind.Retry or DecisionKind.Crash;
}
