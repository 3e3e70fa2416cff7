using System.Text;
using System.Text.RegularExpressions;
using Kvmi.Policy.Engine.Configuration;
using Kvmi.Policy.Engine.OneLiners;
using Kvmi.Policy.Host.CommandLine;

namespace Kvmi.Policy.Host.Authoring;

/// <summary>Writes the folder of a new policy or plugin. Never writes into a folder that exists.</summary>
internal static partial class NewFolder
{
    private const int LongestName = 60;

    /// <summary>Writes a policy of a script.</summary>
    /// <returns>The files that were written.</returns>
    /// <exception cref="UsageException">The name cannot be the name of a policy.</exception>
    /// <exception cref="HostEnvironmentException">The folder exists, or cannot be written.</exception>
    public static IReadOnlyList<string> WritePolicy(string name, EventTemplate template, string into)
    {
        Check(name);
        var handler = $"On{PascalCase(template.Event)}";
        var script = $"// {char.ToUpperInvariant(template.Mechanism[0])}{template.Mechanism[1..]}\n\nDecision {handler}({template.EventType} e)\n{{\n"
            + template.Script.Replace("NAME", name, StringComparison.Ordinal) + "}\n";
        var when = template.When is null ? "" : $"      when: {template.When}\n";
        var spec = $"{template.Spec}  subscriptions:\n    - event: {template.Event}\n{when}      handler: {handler}\n";
        (string, string)[] words =
        [
            ("id", name), ("title", "Say in one line what it does"), ("mechanism", template.Mechanism), ("spec", spec), ("tests", Tests(name, template)),
            ("directory", ProgramDirectory),
        ];
        return Write(into, name,
        [
            ("policy.yaml", Fill("policy.yaml", words)),
            ($"{name}.csx", script),
            ("README.md", Fill("README.md", words)),
            ($"{name}.csproj", Fill("editor.csproj", words)),
            (".editor/Ambient.cs", Fill("Ambient.cs.txt", words)),
            (".editor/policy-schema.yaml", PolicySchema.Text),
        ]);
    }

    /// <summary>Writes the policy that a one-liner stands for.</summary>
    /// <inheritdoc cref="WritePolicy"/>
    public static IReadOnlyList<string> WriteOneLiner(string name, OneLiner line, string into)
    {
        Check(name);
        var text = line.Text.ReplaceLineEndings(" ").Replace('\t', ' ');
        var tests = OneLinerTests.Of(line) ?? "    []                            # its condition cannot be turned round into an event: say here what it shall do";
        (string, string)[] words =
        [
            ("id", name), ("title", "Say in one line what it does"), ("mechanism", $"the one-liner {text}"), ("spec", OneLinerPolicy.SpecOf(line)), ("tests", tests),
            ("directory", ProgramDirectory),
        ];
        List<(string, string)> files = [("policy.yaml", Fill("policy.yaml", words)), (".editor/policy-schema.yaml", PolicySchema.Text)];
        if (OneLinerPolicy.ScriptOf(line) is { } script)
        {
            files.InsertRange(1,
            [
                ($"{name}.csx", $"// {text}\n\n{script}"),
                ("README.md", Fill("README.md", words)),
                ($"{name}.csproj", Fill("editor.csproj", words)),
                (".editor/Ambient.cs", Fill("Ambient.cs.txt", words)),
            ]);
        }

        return Write(into, name, files);
    }

    /// <summary>Writes a compiled policy.</summary>
    /// <inheritdoc cref="WritePolicy"/>
    public static IReadOnlyList<string> WritePlugin(string name, string into)
    {
        Check(name);
        var type = PascalCase(name);
        (string, string)[] words = [("id", name), ("class", type), ("directory", ProgramDirectory)];
        return Write(into, name,
        [
            ("policy.yaml", Fill("plugin.yaml", words)),
            ($"{type}Policy.cs", Fill("plugin.cs.txt", words)),
            ($"{type}.csproj", Fill("plugin.csproj", words)),
            ("README.md", Fill("plugin.README.md", words)),
            ("Directory.Build.props", Fill("plugin.props", words)),
            ("Directory.Build.targets", Fill("plugin.props", words)),
            ("Directory.Packages.props", Fill("plugin.props", words)),
            (".editor/policy-schema.yaml", PolicySchema.Text),
        ]);
    }

    private static string ProgramDirectory => System.Security.SecurityElement.Escape(AppContext.BaseDirectory.TrimEnd('/'));

    private static void Check(string name)
    {
        if (name.Length > LongestName || !Name().IsMatch(name))
        {
            throw new UsageException(
                $"'{name}' cannot be a name here: give lower-case words and digits joined by '-', beginning with a letter, at most {LongestName} characters, such as lstar-lock.");
        }
    }

    private static string Tests(string name, EventTemplate template)
    {
        var tests = new StringBuilder();
        void Test(string title, string? mode, string fields, string expect)
        {
            tests.Append($"    - name: {title}\n");
            tests.Append(mode is null ? "" : $"      mode: {mode}\n");
            tests.Append($"      steps:\n        - event: {template.Event}\n          with: {fields}\n          expect: {{ {expect} }}\n");
        }

        if (template.Quiet is { } quiet)
        {
            Test("what is meant to happen passes", null, quiet, "decision: allow, alerts: []");
        }

        var would = template.Decision == "allow" ? "" : $", wouldHave: {template.Decision}";
        Test("audit reports", "audit", template.Loud, $"decision: allow{would}, alerts: [{name}]");
        Test("enforce decides", "enforce", template.Loud, $"decision: {template.Decision}, alerts: [{name}]");
        return tests.ToString().TrimEnd('\n');
    }

    private static List<string> Write(string into, string name, IEnumerable<(string Path, string Text)> files)
    {
        var folder = Path.Combine(into, name);
        if (Path.Exists(folder))
        {
            throw new HostEnvironmentException($"{folder} exists already, and nothing is overwritten: choose another name, or --into another directory.");
        }

        List<string> written = [];
        foreach (var (relative, text) in files)
        {
            var path = Path.Combine(folder, relative);
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);

            // CreateNew: also a file that appears between the look and the write stays as it is.
            using var stream = new FileStream(path, FileMode.CreateNew, FileAccess.Write);
            stream.Write(Encoding.UTF8.GetBytes(text));
            written.Add(path);
        }

        return written;
    }

    private static string Fill(string template, (string Word, string Value)[] words)
    {
        using var stream = typeof(NewFolder).Assembly.GetManifestResourceStream($"Templates/{template}")
            ?? throw new InvalidOperationException($"The template {template} is not embedded in this assembly.");
        using var reader = new StreamReader(stream, Encoding.UTF8);
        var text = reader.ReadToEnd();
        foreach (var (word, value) in words)
        {
            text = text.Replace($"{{{{{word}}}}}", value, StringComparison.Ordinal);
        }

        return text;
    }

    private static string PascalCase(string name) =>
        string.Concat(name.Split('-').Select(word => char.ToUpperInvariant(word[0]) + word[1..]));

    [GeneratedRegex("^[a-z][a-z0-9]*(-[a-z0-9]+)*\\z", RegexOptions.CultureInvariant)]
    private static partial Regex Name();
}
