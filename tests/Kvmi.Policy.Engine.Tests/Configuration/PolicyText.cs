using Kvmi.Policy.Engine.Configuration;
using Kvmi.Policy.Engine.Model;

namespace Kvmi.Policy.Engine.Tests.Configuration;

/// <summary>Small policy files for tests.</summary>
internal static class PolicyText
{
    public const string File = "p/policy.yaml";

    /// <summary>A head whose spec begins on line 7.</summary>
    public const string Head = """
        apiVersion: kvmi.policy/v1
        kind: Policy
        metadata:
          id: p
          version: 1.0.0
        spec:

        """;

    public static PolicyLoadOptions Options { get; } = new() { TimeProvider = new FixedTime(2026, 11, 21) };

    /// <summary>Loads the text with a script beside it.</summary>
    public static PolicyLoadResult Load(string text, PolicyLoadOptions? options = null) =>
        PolicyFileLoader.Load(File, (options ?? Options) with { Files = new MemoryPolicyFiles().Add(File, text).Add("p/a.csx", "") });

    public static PolicyLoadResult LoadSpec(string spec, PolicyLoadOptions? options = null) => Load(Head + spec, options);

    public static PolicyDefinition MustLoadSpec(string spec, PolicyLoadOptions? options = null)
    {
        var result = LoadSpec(spec, options);
        Assert.Empty(result.Findings);
        return result.Definition!;
    }

    public static string Samples => Path.Combine(AppContext.BaseDirectory, "Configuration", "Samples");

    public static string Shipped => Path.Combine(AppContext.BaseDirectory, "policies");
}
