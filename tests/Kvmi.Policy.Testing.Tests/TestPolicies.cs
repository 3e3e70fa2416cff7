using Kvmi.Policy.Engine.Configuration;
using Kvmi.Policy.Engine.Generations;
using Kvmi.Policy.Engine.Plugins;
using Kvmi.Policy.Engine.Scripting;
using Kvmi.Policy.Testing.Policies;

namespace Kvmi.Policy.Testing.Tests;

/// <summary>Policies that tests write to a directory of their own.</summary>
internal sealed class TestPolicies : IDisposable
{
    private readonly GenerationBuilder _builder = new(new ScriptCompiler(), new CollectiblePluginLoader(), TimeProvider.System);
    private readonly string _directory = Directory.CreateTempSubdirectory("kvmi-policy-test-").FullName;

    /// <summary>Writes one policy.</summary>
    public void Write(string id, string spec, string? script = null)
    {
        var folder = Directory.CreateDirectory(Path.Combine(_directory, id)).FullName;
        var head = $"apiVersion: kvmi.policy/v1\nkind: Policy\nmetadata:\n  id: {id}\n  version: 1.0.0\n  title: Test\nspec:\n";
        File.WriteAllText(Path.Combine(folder, "policy.yaml"), head + string.Concat(spec.Split('\n').Select(line => $"  {line}\n")));
        if (script is not null)
        {
            File.WriteAllText(Path.Combine(folder, $"{id}.csx"), script);
        }
    }

    /// <summary>Writes one policy as it stands somewhere.</summary>
    public void WriteFiles(string id, string yaml, string script)
    {
        var folder = Directory.CreateDirectory(Path.Combine(_directory, id)).FullName;
        File.WriteAllText(Path.Combine(folder, "policy.yaml"), yaml);
        File.WriteAllText(Path.Combine(folder, $"{id}.csx"), script);
    }

    /// <summary>Path of a file in a policy's folder.</summary>
    public string PathOf(string id, string file) => Path.Combine(_directory, id, file);

    /// <summary>A generation of everything that was written.</summary>
    public Generation Build()
    {
        var set = PolicySetLoader.Load([_directory], PolicyLoadOptions.Default);
        Assert.Empty(set.Findings);
        var build = _builder.Build(set.Policies, PluginCatalog.Empty, previous: null);
        Assert.True(build.Generation is not null, string.Join('\n', build.Findings));
        return build.Generation;
    }

    /// <summary>Runs every test of everything that was written.</summary>
    public IReadOnlyList<PolicyTestResult> RunTests()
    {
        var set = PolicySetLoader.Load([_directory], PolicyLoadOptions.Default with { AllowMissingParameters = true });
        Assert.DoesNotContain(set.Findings, finding => finding.Severity == Kvmi.Policy.Engine.Findings.FindingSeverity.Error);
        var suite = new PolicyTestSuite(_builder, PluginCatalog.Empty, PolicyLoadOptions.Default);
        return [.. set.Policies.SelectMany(policy => suite.Run(policy, set.Policies))];
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);
}
