namespace Kvmi.Policy.Engine.Containment.AllowList;

/// <summary>A list of what code may use of the framework: <c>allow-list.txt</c> for scripts, more for plugins. Immutable and shared by all threads.</summary>
internal sealed class AllowedMembers
{
    private const string ResourceName = "allow-list.txt";

    private readonly Dictionary<string, Entry> _types = new(StringComparer.Ordinal);
    private readonly List<(string Prefix, string Hint)> _hints = [];
    private readonly AllowedMembers? _basis;

    /// <summary>Reads a list.</summary>
    /// <param name="text">The list.</param>
    /// <param name="basis">What is allowed besides; its hints count where the list has none of its own.</param>
    /// <exception cref="FormatException">A line is none of the kinds that the head of the file explains.</exception>
    public AllowedMembers(TextReader text, AllowedMembers? basis = null)
    {
        _basis = basis;
        Entry? current = null;
        for (var number = 1; text.ReadLine() is { } line; number++)
        {
            if (line.AsSpan().Trim().IsEmpty || line.StartsWith('#'))
                continue;

            if (line.StartsWith("! ", StringComparison.Ordinal))
                AddHint(line[2..], number);
            else if (!char.IsWhiteSpace(line[0]))
                _types.Add(line.Trim(), current = new Entry());
            else if (current is null)
                throw new FormatException($"{ResourceName} line {number}: members stand below the type that has them");
            else
                current.Add(line);
        }
    }

    /// <summary>The list that ships with the engine.</summary>
    public static AllowedMembers Default { get; } = Read(ResourceName, null);

    /// <summary>The list for plugins under <c>--restrict-plugins</c>: that of scripts and <c>plugin-allow-list.txt</c>.</summary>
    public static AllowedMembers Plugins { get; } = Read("plugin-allow-list.txt", Default);

    /// <summary>True when at least one member of a type is allowed, so that the type may be named, cast to or derived from.</summary>
    /// <param name="type">Full metadata name.</param>
    public bool AllowsType(string type) => _types.ContainsKey(type) || _basis?.AllowsType(type) == true;

    /// <summary>True when a member may be used.</summary>
    /// <param name="type">Full metadata name of the type that declares it.</param>
    /// <param name="member">Metadata name: accessors and constructors as such.</param>
    public bool Allows(string type, string member) =>
        (_types.TryGetValue(type, out var entry) && entry.Allows(member)) || _basis?.Allows(type, member) == true;

    /// <summary>What to do instead of using a member; null when the list has no advice.</summary>
    public string? HintFor(string type, string member)
    {
        var name = $"{type}.{member}";
        string? best = null;
        var length = -1;
        foreach (var (prefix, hint) in _hints)
        {
            if (prefix.Length > length && name.StartsWith(prefix, StringComparison.Ordinal)
                && (name.Length == prefix.Length || name[prefix.Length] is '.' or '`' or '+'))
            {
                (best, length) = (hint, prefix.Length);
            }
        }

        return best ?? _basis?.HintFor(type, member);
    }

    /// <summary>The text of <see cref="Default"/>, for its digest.</summary>
    public static Stream OpenDefault() => Open(ResourceName);

    private static Stream Open(string resource) => typeof(AllowedMembers).Assembly.GetManifestResourceStream(resource)
        ?? throw new InvalidOperationException($"The engine was built without {resource}.");

    private static AllowedMembers Read(string resource, AllowedMembers? basis)
    {
        using var stream = Open(resource);
        using var reader = new StreamReader(stream);
        return new(reader, basis);
    }

    private void AddHint(string line, int number)
    {
        var colon = line.IndexOf(": ", StringComparison.Ordinal);
        if (colon <= 0)
            throw new FormatException($"{ResourceName} line {number}: a hint is \"! Prefix: sentence\"");

        _hints.Add((line[..colon], line[(colon + 2)..].Trim()));
    }

    private sealed class Entry
    {
        private readonly HashSet<string> _allowed = new(StringComparer.Ordinal);
        private readonly HashSet<string> _refused = new(StringComparer.Ordinal);
        private bool _all;

        public void Add(string line)
        {
            foreach (var word in line.Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
            {
                if (word == "*")
                    _all = true;
                else if (word[0] == '-')
                    _refused.Add(word[1..]);
                else
                    _allowed.Add(word);
            }
        }

        public bool Allows(string member) => !_refused.Contains(member) && (_all || _allowed.Contains(member));
    }
}
