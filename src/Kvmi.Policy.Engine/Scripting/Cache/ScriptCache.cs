using System.Security.Cryptography;
using System.Text;

namespace Kvmi.Policy.Engine.Scripting.Cache;

/// <summary>
/// Compiled scripts by what went into them, within the process: a reload compiles only what changed. Bounded: of each script the versions that were used
/// last, so that a day of saving the same one does not fill the memory; and the least recently used half of all goes when it is full. Thread-safe.
/// </summary>
internal sealed class ScriptCache
{
    /// <summary>Versions of one script that are kept: enough to go back and forth while trying something.</summary>
    public const int Versions = 4;

    private const int Capacity = 4096;

    private readonly Lock _gate = new();
    private readonly Dictionary<string, Entry> _entries = new(StringComparer.Ordinal);
    private long _clock;

    /// <summary>Key of a script: everything that the result depends on but the texts of #load files, which <see cref="Find"/> compares.</summary>
    public static string KeyOf(ScriptSource source, IReadOnlyList<ScriptPluginReference> plugins)
    {
        var parts = new StringBuilder()
            .Append(ScriptIdentity.Contract).Append('\0')
            .Append(source.PolicyId).Append('\0').Append(source.Path).Append('\0').Append(source.Folder).Append('\0').Append(source.Indent).Append('\0');
        foreach (var plugin in plugins)
            parts.Append(plugin.Sha256).Append('\0');

        parts.Append('\0').Append(source.Text);
        return Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(parts.ToString())));
    }

    /// <summary>Finds a script whose loaded files still have the text that was compiled.</summary>
    public CompiledScript? Find(string key, ScriptSource source)
    {
        CompiledScript script;
        lock (_gate)
        {
            if (!_entries.TryGetValue(key, out var entry))
                return null;

            entry.LastUse = ++_clock;
            script = entry.Script;
        }

        return script.IsCurrent(new(source.Folder)) ? script : null;
    }

    /// <summary>How many are kept.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
                return _entries.Count;
        }
    }

    /// <summary>Keeps a script. Looks through all of them, which is nothing beside the compilation before it.</summary>
    public void Add(string key, ScriptSource source, CompiledScript script)
    {
        lock (_gate)
        {
            var name = (source.PolicyId, source.Path);
            var versions = _entries.Where(pair => pair.Value.Name == name && pair.Key != key).ToList();
            foreach (var old in versions.OrderByDescending(pair => pair.Value.LastUse).Skip(Versions - 1))
                _entries.Remove(old.Key);

            if (_entries.Count >= Capacity)
            {
                foreach (var old in _entries.OrderBy(pair => pair.Value.LastUse).Take(Capacity / 2).Select(pair => pair.Key).ToList())
                    _entries.Remove(old);
            }

            _entries[key] = new Entry { Name = name, Script = script, LastUse = ++_clock };
        }
    }

    private sealed class Entry
    {
        public required (string PolicyId, string Path) Name { get; init; }

        public required CompiledScript Script { get; init; }

        public long LastUse { get; set; }
    }
}
