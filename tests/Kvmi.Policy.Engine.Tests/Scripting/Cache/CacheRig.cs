using Kvmi.Policy.Engine.Scripting;
using Kvmi.Policy.Engine.Scripting.Cache;
using Microsoft.Extensions.Logging;

namespace Kvmi.Policy.Engine.Tests.Scripting.Cache;

/// <summary>A cache directory, policies beside it, and what is logged. Each compiler from here stands for a process of its own.</summary>
internal sealed class CacheRig : IDisposable, ILogger
{
    private readonly TemporaryFolder _folder = new();
    private readonly List<(LogLevel Level, string Text)> _log = [];

    public string Directory => Path.Combine(_folder.Path, "cache");

    public IReadOnlyList<string> Warnings => [.. Log(LogLevel.Warning)];

    public IReadOnlyList<string> Remarks => [.. Log(LogLevel.Debug)];

    /// <summary>The files of kept scripts.</summary>
    public string[] Kept => System.IO.Directory.Exists(Directory) ? System.IO.Directory.GetFiles(Directory, "*" + CacheDirectory.Extension) : [];

    public CompileCache Cache(long maxBytes = CompileCache.DefaultMaxBytes) => new(Directory, this, TimeProvider.System, maxBytes);

    public ScriptCompiler Compiler(long maxBytes = CompileCache.DefaultMaxBytes) => new(Cache(maxBytes));

    public string Write(string name, string text) => _folder.Write(name, text);

    /// <summary>Compiles in a new process, so to say.</summary>
    public ScriptCompilation Compile(string text, string name = "p/p.csx", params ScriptPluginReference[] plugins) =>
        Compiler().Compile(new ScriptSource("p", Write(name, text), text, 0), plugins);

    public void Dispose() => _folder.Dispose();

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        lock (_log)
        {
            _log.Add((logLevel, formatter(state, exception)));
        }
    }

    private IEnumerable<string> Log(LogLevel level)
    {
        lock (_log)
        {
            return [.. _log.Where(entry => entry.Level == level).Select(entry => entry.Text)];
        }
    }
}
