using Kvmi.Policy.Engine.Configuration.Site;
using Kvmi.Policy.Engine.Findings;

namespace Kvmi.Policy.Engine.Tests.Configuration;

/// <summary>Site files for tests.</summary>
internal static class SiteText
{
    public const string File = "site.yaml";

    public const string Head = "apiVersion: kvmi.policy/v1\nkind: Site\n";

    /// <summary>A value for a parameter of the policy p.</summary>
    public static SiteSettings Gives(string name, object value) => new()
    {
        Policies = new Dictionary<string, SitePolicy>
        {
            ["p"] = new() { Parameters = new Dictionary<string, SiteValue> { [name] = new(value, new SourceLocation(File, 5, 9)) } },
        },
    };

    /// <summary>Loads a text that follows <see cref="Head"/>, so that it begins on line 3.</summary>
    public static SiteLoadResult Load(string body) => SiteFileLoader.Load([File], new MemoryPolicyFiles().Add(File, Head + body), text => text == "file:bad" ? "it is bad." : null);

    /// <summary>Loads it and requires that nothing is wrong.</summary>
    public static SiteSettings MustLoad(string body)
    {
        var result = Load(body);
        Assert.Empty(result.Findings);
        return result.Settings;
    }
}
