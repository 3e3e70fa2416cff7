using Kvmi.Policy.Engine.Scripting.Cache;

namespace Kvmi.Policy.Engine.Scripting;

/// <summary>
/// Compiles C# scripts to bytes, in memory. Members of <see cref="PolicyScript"/> are a script's top-level names; the
/// namespaces System, Kvmi.Policy and Kvmi.Protocol are imported; nullable checks are on. The first compilation of a
/// process takes most of a second, later ones about ten milliseconds, unchanged scripts none; with a compile cache that also holds for what an
/// earlier process compiled. Thread-safe.
/// </summary>
public sealed class ScriptCompiler
{
    private readonly ScriptCache _cache = new();
    private readonly CompileCache? _kept;

    /// <summary>A compiler that keeps what it compiled for the life of the process.</summary>
    public ScriptCompiler()
    {
    }

    /// <summary>A compiler that also keeps it for later processes.</summary>
    /// <param name="kept">Where; null: nowhere.</param>
    public ScriptCompiler(CompileCache? kept) => _kept = kept;

    /// <summary>Called with the policy before each real compilation: what it throws, the compiler might throw, such as for want of memory.</summary>
    internal Action<string>? BeforeCompile { get; init; }

    /// <summary>
    /// Loads the compiler and its references by compiling a small script, so that the first policy is fast. For a
    /// background thread; calling it is never required.
    /// </summary>
    public void WarmUp()
    {
        const string text = """
            var seen = State.Set<ulong>("seen", 16);
            Decision OnCr(CrEvent e)
            {
                Alert("a", new { e.Rip });
                return seen.Add(e.New) ? Allow : Keep(e.Old);
            }
            """;
        Compile(new ScriptSource("warm-up", "warm-up.csx", text, 0), []);
    }

    /// <summary>Compiles a script, or finds it in the cache.</summary>
    internal ScriptCompilation Compile(ScriptSource source, IReadOnlyList<ScriptPluginReference> plugins)
    {
        var key = ScriptCache.KeyOf(source, plugins);
        if (_cache.Find(key, source) is { } cached)
            return new(cached, cached.Warnings, FromCache: true);

        if (_kept?.Find(key, source) is { } kept)
        {
            _cache.Add(key, source, kept);
            return new(kept, kept.Warnings, FromCache: true);
        }

        BeforeCompile?.Invoke(source.PolicyId);
        var result = RoslynCompiler.Compile(source, plugins);
        if (result.Script is not null)
        {
            _cache.Add(key, source, result.Script);
            _kept?.Add(key, result.Script);
        }

        return result;
    }
}
