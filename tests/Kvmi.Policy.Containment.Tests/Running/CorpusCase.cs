namespace Kvmi.Policy.Containment.Tests.Running;

/// <summary>One hostile policy, and what its first two lines say about it.</summary>
/// <param name="Name">Name of the file.</param>
/// <param name="Path">The file: a script, or the source of a plugin.</param>
/// <param name="What">What it does, in one sentence.</param>
/// <param name="Outcome">What must become of it.</param>
/// <param name="Words">Words of the finding or the status line that says so; "" for none.</param>
public sealed record CorpusCase(string Name, string Path, string What, CorpusOutcome Outcome, string Words)
{
    private const string WhatMark = "// WHAT: ";
    private const string ExpectMark = "// EXPECT: ";

    private static readonly Dictionary<string, CorpusOutcome> Outcomes = new(StringComparer.Ordinal)
    {
        ["refused"] = CorpusOutcome.Refused,
        ["not-started"] = CorpusOutcome.NotStarted,
        ["stopped"] = CorpusOutcome.Stopped,
        ["error"] = CorpusOutcome.Error,
        ["harmless"] = CorpusOutcome.Harmless,
        ["leaks"] = CorpusOutcome.Leaks,
        ["deadline"] = CorpusOutcome.Deadline,
        ["worker"] = CorpusOutcome.Worker,
    };

    /// <summary>The whole corpus, scripts before plugins, in alphabetical order.</summary>
    public static IReadOnlyList<CorpusCase> All { get; } = ReadAll();

    /// <summary>True for the source of a plugin.</summary>
    public bool IsPlugin => Path.EndsWith(".cs", StringComparison.Ordinal);

    /// <summary>Finds a case by its name.</summary>
    public static CorpusCase Find(string name) => All.Single(candidate => candidate.Name == name);

    /// <inheritdoc/>
    public override string ToString() => Name;

    private static CorpusCase[] ReadAll()
    {
        var folder = System.IO.Path.Combine(AppContext.BaseDirectory, "Corpus");
        return
        [
            .. Directory.GetFiles(folder, "*.csx").Order(StringComparer.Ordinal).Select(Read),
            .. Directory.GetFiles(System.IO.Path.Combine(folder, "plugins"), "*.cs").Order(StringComparer.Ordinal).Select(Read),
        ];
    }

    private static CorpusCase Read(string path)
    {
        var lines = File.ReadLines(path).Take(2).ToArray();
        if (lines.Length < 2 || !lines[0].StartsWith(WhatMark, StringComparison.Ordinal) || !lines[1].StartsWith(ExpectMark, StringComparison.Ordinal))
        {
            throw new InvalidDataException($"{path}: the first two lines are \"{WhatMark}...\" and \"{ExpectMark}...\".");
        }

        var expected = lines[1][ExpectMark.Length..].Split(' ', 2);
        return Outcomes.TryGetValue(expected[0], out var outcome)
            ? new(System.IO.Path.GetFileNameWithoutExtension(path), path, lines[0][WhatMark.Length..], outcome, expected.Length > 1 ? expected[1] : "")
            : throw new InvalidDataException($"{path}:2: '{expected[0]}' is not one of {string.Join(", ", Outcomes.Keys)}.");
    }
}
