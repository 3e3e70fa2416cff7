using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace Kvmi.Policy.Containment.Tests.Running;

/// <summary>A folder with an innocent policy and at most one hostile one, as a user would lay them out.</summary>
internal sealed class CorpusFolder : IDisposable
{
    private const string Innocent = """
        Decision OnCr(CrEvent e)
        {
            Facts.Get("switches").Value++;
            Facts.Get("roots").Value ^= (long)e.New;
            return Allow;
        }

        Decision OnMsr(MsrEvent e)
        {
            if (e.Old == 0)
                return Allow;

            Alert("lstar", new { e.New });
            return Keep(e.Old);
        }
        """;

    private const string InnocentSubscriptions = """
            - { event: cr, when: { cr: 3 }, handler: OnCr }
            - { event: msr, when: { msr: lstar }, handler: OnMsr }
        """;

    private const string HostileSubscriptions = """
            - { event: cr, when: { cr: 3 }, handler: OnCr }
        """;

    private static readonly Lazy<IReadOnlyList<MetadataReference>> Platform = new(() =>
        [.. ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
            .Where(path => Path.GetFileName(path) is var name && (name.StartsWith("System", StringComparison.Ordinal) || name.StartsWith("Kvmi", StringComparison.Ordinal)))
            .Select(path => MetadataReference.CreateFromFile(path))]);

    public CorpusFolder(CorpusCase? hostile, bool untrusted = false)
    {
        Write("policies/innocent/policy.yaml", Yaml("test.innocent", 900, InnocentSubscriptions, ""));
        Write("policies/innocent/innocent.csx", Innocent);
        if (hostile is null)
        {
            return;
        }

        var code = hostile.IsPlugin ? $"  script: {{ plugin: {hostile.Name}, type: Hostile }}\n" : "";
        code += untrusted ? "  trust: untrusted\n" : "";
        Write("policies/hostile/policy.yaml", Yaml(HostileId, 100, HostileSubscriptions, code, hostile.Outcome == CorpusOutcome.Deadline ? "100ms" : "500ms"));
        if (hostile.IsPlugin)
        {
            var folder = Directory.CreateDirectory(Path.Combine(Plugins, hostile.Name)).FullName;
            File.WriteAllBytes(Path.Combine(folder, $"{hostile.Name}.dll"), Compile(hostile));
        }
        else
        {
            File.Copy(hostile.Path, Write("policies/hostile/hostile.csx", ""), overwrite: true);
        }
    }

    /// <summary>Id of the hostile policy.</summary>
    public const string HostileId = "test.hostile";

    /// <summary>Id of the innocent policy.</summary>
    public const string InnocentId = "test.innocent";

    /// <summary>The folder.</summary>
    public string Root { get; } = Directory.CreateTempSubdirectory("kvmi-hostile-").FullName;

    /// <summary>Where the policies are.</summary>
    public string Policies => Path.Combine(Root, "policies");

    /// <summary>Where the plugins are; there may be none.</summary>
    public string Plugins => Directory.CreateDirectory(Path.Combine(Root, "plugins")).FullName;

    /// <summary>Writes a file below the folder and gives its path.</summary>
    public string Write(string name, string text)
    {
        var file = Path.Combine(Root, name);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, text);
        return file;
    }

    public void Dispose() => Directory.Delete(Root, recursive: true);

    private static string Yaml(string id, int priority, string subscriptions, string code, string timeout = "500ms") => $$"""
        apiVersion: kvmi.policy/v1
        kind: Policy
        metadata:
          id: {{id}}
          version: 1.0.0
          title: A policy of the corpus
        spec:
          mode: enforce
          priority: {{priority}}
          subscriptions:
        {{subscriptions}}
          budget: { fuel: 200000, memory: 4MiB, timeout: {{timeout}}, onTimeout: allow }
          onError: { decision: allow, quarantineAfter: 3/1m }
        {{code}}
        """;

    private static byte[] Compile(CorpusCase plugin)
    {
        var compilation = CSharpCompilation.Create(
            plugin.Name,
            [CSharpSyntaxTree.ParseText(File.ReadAllText(plugin.Path), cancellationToken: CancellationToken.None)],
            Platform.Value,
            new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, optimizationLevel: OptimizationLevel.Release));
        using var image = new MemoryStream();
        var result = compilation.Emit(image);
        Assert.True(result.Success, string.Join('\n', result.Diagnostics));
        return image.ToArray();
    }
}
