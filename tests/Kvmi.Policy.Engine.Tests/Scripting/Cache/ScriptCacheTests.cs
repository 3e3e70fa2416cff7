using Kvmi.Policy.Engine.Scripting;
using Kvmi.Policy.Engine.Scripting.Cache;

namespace Kvmi.Policy.Engine.Tests.Scripting.Cache;

/// <summary>What a process keeps of the scripts that it has compiled.</summary>
public sealed class ScriptCacheTests
{
    [Fact]
    public void Of_each_script_the_versions_used_last_are_kept()
    {
        var cache = new ScriptCache();
        var other = Add(cache, "other", "0");
        var first = Add(cache, "p", "0");
        for (var version = 1; version < 100; version++)
        {
            Add(cache, "p", $"{version}");

            // Going back to it all the time keeps it.
            Assert.NotNull(cache.Find(first.Key, first.Source));
        }

        Assert.Equal(ScriptCache.Versions + 1, cache.Count);
        Assert.NotNull(cache.Find(other.Key, other.Source));
        Assert.NotNull(cache.Find(ScriptCache.KeyOf(SourceOf("p", "99"), []), SourceOf("p", "99")));
        Assert.Null(cache.Find(ScriptCache.KeyOf(SourceOf("p", "50"), []), SourceOf("p", "50")));
    }

    private static (string Key, ScriptSource Source) Add(ScriptCache cache, string policy, string text)
    {
        var source = SourceOf(policy, text);
        var key = ScriptCache.KeyOf(source, []);
        cache.Add(key, source, new CompiledScript
        {
            Path = source.Path,
            Image = [],
            Symbols = [],
            TypeName = "",
            EntryPoint = "",
            Methods = [],
            Warnings = [],
            LoadedTexts = new Dictionary<string, string>(),
        });
        return (key, source);
    }

    private static ScriptSource SourceOf(string policy, string text) => new(policy, $"/x/{policy}.csx", text, 0);
}
