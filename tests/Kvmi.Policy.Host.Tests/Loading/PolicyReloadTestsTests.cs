using Kvmi.Policy.Engine.Configuration;
using Kvmi.Policy.Engine.Generations;
using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Plugins;
using Kvmi.Policy.Engine.Reload;
using Kvmi.Policy.Engine.Scripting;
using Kvmi.Policy.Host.Loading;
using Kvmi.Policy.Host.Tests.Commands;

namespace Kvmi.Policy.Host.Tests.Loading;

/// <summary>The tests of policies before a reload, on a thread that may not come back.</summary>
public sealed class PolicyReloadTestsTests
{
    private static readonly TimeSpan Long = TimeSpan.FromMinutes(2);

    [Fact]
    public void A_test_that_passes_and_one_that_fails_are_told_apart()
    {
        using var directory = new TestDirectory();
        var policies = Load(directory);
        var result = new PolicyReloadTests(Builder, () => PolicyLoadOptions.Default, Long).Run(policies, policies, PluginCatalog.Empty);
        Assert.Null(result.Unfinished);
        Assert.Equal(1, result.Passed);
        var failure = Assert.Single(result.Failures);
        Assert.Equal(("test.counter", "wrong"), (failure.Policy, failure.Test));
        Assert.Contains("decision: expected keep, got allow", failure.Message, StringComparison.Ordinal);
        Assert.Equal(21, failure.Location.Line);
    }

    [Fact]
    public void Tests_that_throw_are_unfinished_and_the_next_ones_run()
    {
        using var directory = new TestDirectory();
        var policies = Load(directory);
        using var files = new HeldFiles { Failure = new InsufficientMemoryException("none left") };
        var tests = new PolicyReloadTests(Builder, () => PolicyLoadOptions.Default with { Files = files }, Long);
        Assert.Equal(
            "the tests of policy 'test.counter' ended with InsufficientMemoryException: none left",
            tests.Run(policies, policies, PluginCatalog.Empty).Unfinished);
        files.Failure = null;
        Assert.Equal(1, tests.Run(policies, policies, PluginCatalog.Empty).Passed);
    }

    [Fact]
    public void Threads_that_do_not_come_back_are_given_up_and_bounded()
    {
        using var directory = new TestDirectory();
        var policies = Load(directory);
        using var files = new HeldFiles();
        files.Hold();
        var tests = new PolicyReloadTests(Builder, () => PolicyLoadOptions.Default with { Files = files }, TimeSpan.FromMilliseconds(20));
        for (var lost = 0; lost < 3; lost++)
        {
            Assert.Equal(
                "the tests did not end within 0 s: policy 'test.counter' does not return", tests.Run(policies, policies, PluginCatalog.Empty).Unfinished);
        }

        Assert.Equal(
            "the tests were not run: 3 threads of earlier ones still have not come back", tests.Run(policies, policies, PluginCatalog.Empty).Unfinished);

        // They come back: there is room again.
        files.Release();
        ReloadTestResult result;
        var limit = TimeProvider.System.GetTimestamp();
        do
        {
            result = tests.Run(policies, policies, PluginCatalog.Empty);
            Assert.True(TimeProvider.System.GetElapsedTime(limit) < Long, result.Unfinished);
        }
        while (result.Unfinished?.StartsWith("the tests were not run", StringComparison.Ordinal) == true);
    }

    private static GenerationBuilder Builder() => new(new ScriptCompiler(), new CollectiblePluginLoader(), TimeProvider.System);

    private static IReadOnlyList<PolicyDefinition> Load(TestDirectory directory)
    {
        SamplePolicies.Write(directory, "text");
        var yaml = directory.Write("policies/counter/policy.yaml", SamplePolicies.Yaml + "\n" + """
              tests:
                - name: right
                  steps:
                    - event: cr
                      with: { cr: 3, old: 0x1000, new: 0x2000 }
                      expect: { decision: allow, alerts: [text] }
                - name: wrong
                  steps:
                    - event: cr
                      with: { cr: 3, old: 0x1000, new: 0x2000 }
                      expect: { decision: keep }
            """);
        var set = PolicySetLoader.Load([yaml], PolicyLoadOptions.Default);
        Assert.Empty(set.Findings);
        return set.Policies;
    }

    private sealed class HeldFiles : IPolicyFileSource, IDisposable
    {
        private readonly ManualResetEventSlim _open = new(initialState: true);

        public Exception? Failure { get; set; }

        public void Hold() => _open.Reset();

        public void Release() => _open.Set();

        public void Dispose() => _open.Dispose();

        public bool FileExists(string path) => DiskPolicyFileSource.Instance.FileExists(path);

        public bool DirectoryExists(string path) => DiskPolicyFileSource.Instance.DirectoryExists(path);

        public byte[] Read(string path, int limit)
        {
            _open.Wait();
            return Failure is null ? DiskPolicyFileSource.Instance.Read(path, limit) : throw Failure;
        }

        public IReadOnlyList<string> Files(string directory) => DiskPolicyFileSource.Instance.Files(directory);

        public IReadOnlyList<string> Directories(string directory) => DiskPolicyFileSource.Instance.Directories(directory);
    }
}
