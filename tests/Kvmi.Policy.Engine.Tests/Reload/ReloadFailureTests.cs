using Kvmi.Policy.Engine.Plugins;
using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Reload;
using Kvmi.Policy.Engine.Scripting;
using Kvmi.Policy.Engine.Tests.Plugins;

namespace Kvmi.Policy.Engine.Tests.Reload;

/// <summary>Every way in which a reload can fail keeps what was live, says why, and leaves the way open for the next one.</summary>
public sealed class ReloadFailureTests
{
    private const string PluginSpec = "  script: { plugin: kept, type: P }";

    [Theory]
    [InlineData("metadata: [")]
    [InlineData("kind: Policy\n")]
    public async Task A_policy_file_that_is_broken(string yaml)
    {
        await using var live = new LiveReload();
        live.Save("p", 1);
        await live.Start();
        var path = live.Folder.Write("policies/p/policy.yaml", yaml);
        var report = await live.Reload();
        Assert.False(report.Success);
        Assert.All(report.Findings, finding => Assert.Equal(path, finding.Location.File));
        Assert.NotEmpty(report.Findings);
        Assert.Equal(1UL, live.Answer());
        await MustGoOn(live, "p", 3);
    }

    [Fact]
    public async Task A_script_that_does_not_compile()
    {
        await using var live = new LiveReload();
        live.Save("p", 1);
        live.Save("q", 1);
        await live.Start();
        live.SaveScript("p", "Decision OnCr(CrEvent e) => Sett(2);\n");

        // All or nothing: a good change beside it does not go live either.
        live.Save("q", 2);
        var report = await live.MustKeep("CS0103", 1);
        Assert.Equal(1, Assert.Single(report.Findings).Location.Line);
        await MustGoOn(live, "p", 2);
    }

    [Fact]
    public async Task A_script_that_uses_what_the_allow_list_does_not_name()
    {
        await using var live = new LiveReload();
        live.Save("p", 1);
        await live.Start();
        live.SaveScript("p", "Decision OnCr(CrEvent e)\n{\n    System.IO.File.Delete(\"x\");\n    return Set(2);\n}\n");
        await live.MustKeep("KP0408", 1);
        await MustGoOn(live, "p", 2);
    }

    [Fact]
    public async Task A_plugin_that_is_gone()
    {
        await using var live = new LiveReload();
        live.Folder.Write("plugins/kept/Kept.dll", PluginOf("public Decision OnCr(CrEvent e) => Set(1);"));
        live.SaveScript("p", "", spec: PluginSpec);
        File.Delete(Path.Combine(live.Policies, "p", "p.csx"));
        await live.Start();
        Assert.Equal(1UL, live.Answer());
        Directory.Delete(Path.Combine(live.Plugins, "kept"), recursive: true);
        await live.MustKeep("KP0505", 1);
        live.Folder.Write("plugins/kept/Kept.dll", PluginOf("public Decision OnCr(CrEvent e) => Set(2);"));
        Assert.True((await live.Reload()).Success);
        Assert.Equal(2UL, live.Answer());
    }

    [Fact]
    public async Task A_plugin_that_is_cut_short()
    {
        await using var live = new LiveReload();
        live.Folder.Write("plugins/kept/Kept.dll", PluginOf("public Decision OnCr(CrEvent e) => Set(1);"));
        live.SaveScript("p", "", spec: PluginSpec);
        File.Delete(Path.Combine(live.Policies, "p", "p.csx"));
        await live.Start();
        live.Folder.Write("plugins/kept/Kept.dll", PluginOf("public Decision OnCr(CrEvent e) => Set(2);")[..^600]);
        await live.MustKeep("KP0505", 1);
    }

    [Fact]
    public async Task A_plugin_whose_constructor_throws()
    {
        await using var live = new LiveReload();
        live.Folder.Write("plugins/kept/Kept.dll", PluginOf("public Decision OnCr(CrEvent e) => Set(1);"));
        live.SaveScript("p", "", spec: PluginSpec);
        File.Delete(Path.Combine(live.Policies, "p", "p.csx"));
        await live.Start();
        live.Folder.Write("plugins/kept/Kept.dll", PluginOf(
            "public P() => throw new System.InvalidOperationException(\"no\"); public Decision OnCr(CrEvent e) => Set(2);"));
        await live.MustKeep("KP0506", 1);
    }

    [Fact]
    public async Task A_disk_that_is_gone_and_comes_back()
    {
        await using var live = new LiveReload();
        live.Save("p", 1);
        await live.Start();
        var away = live.Policies + ".away";
        Directory.Move(live.Policies, away);
        var report = await live.Reload();
        Assert.False(report.Success);
        Assert.Equal("KP0226", Assert.Single(report.Findings).Code);
        Assert.Equal(1UL, live.Answer());
        Directory.Move(away, live.Policies);
        await MustGoOn(live, "p", 2);
    }

    [Fact]
    public async Task A_set_whose_last_policy_file_is_gone_is_a_change_like_any_other()
    {
        // A folder that is there and empty is what somebody made it; a folder that is not there is a failure.
        await using var live = new LiveReload();
        live.Save("p", 1);
        await live.Start();
        Directory.Delete(Path.Combine(live.Policies, "p"), recursive: true);
        var report = await live.Reload();
        Assert.True(report.Success);
        Assert.Equal(0, report.Policies);
        Assert.Equal(0x2000UL, live.Answer());
    }

    [Fact]
    public async Task No_memory_while_compiling_is_tried_again_without_a_change()
    {
        var isShort = false;
        var compiler = new ScriptCompiler
        {
            BeforeCompile = _ =>
            {
                if (isShort)
                    throw new InsufficientMemoryException("there is none");
            },
        };
        await using var live = new LiveReload(
            options => options with { PollInterval = TimeSpan.FromMilliseconds(20), RetryAfter = TimeSpan.FromMilliseconds(40) }, compiler);
        live.Save("p", 1);
        await live.Start();
        isShort = true;
        live.Save("p", 2);
        var report = await live.Reload();
        Assert.False(report.Success);
        Assert.Contains("InsufficientMemoryException: there is none", Assert.Single(report.Findings).Message, StringComparison.Ordinal);
        Assert.Equal(1UL, live.Answer());

        // Nothing is saved; it works as soon as there is memory again.
        isShort = false;
        Session.Tests.Support.TestServer.Until(() => live.Generation == 2, "it is not tried again");
        Assert.Equal(2UL, live.Answer());
    }

    [Fact]
    public async Task A_new_version_that_throws_when_it_starts_leaves_the_old_one_in_service_on_that_vm()
    {
        await using var live = new LiveReload();
        live.Save("p", 1, top: "var seen = State.Set<ulong>(\"seen\", 8);");
        live.Save("q", 0x1000);
        await live.Start();
        Assert.Equal(1UL, live.Answer());
        live.Save("p", 2, "1.1.0", top: "var seen = State.Set<ulong>(\"seen\", 8);\nthrow new InvalidOperationException(\"not here\");");
        Assert.True((await live.Reload()).Success);
        Assert.Equal(1UL, live.Answer());
        var refused = Assert.Single(live.Statuses("refused"));
        Assert.Equal("p", refused.Policy);
        Assert.Contains("not here", refused.Message, StringComparison.Ordinal);
        Assert.EndsWith("Version 1.0.0 of generation 1 stays in service.", refused.Message, StringComparison.Ordinal);
        var vm = Assert.Single(live.Bench.Engine.GetVms());
        Assert.Equal(2, vm.Generation);
        var state = Assert.Single(vm.Policies, policy => policy.Id == "p");
        Assert.Equal(Kvmi.Policy.Engine.Summary.PolicyServiceState.InService, state.State);
        Assert.EndsWith("stays in service.", state.Reason, StringComparison.Ordinal);

        // Another failing version, then a good one: the chain of generations ends with it.
        live.Save("p", 3, "1.2.0", top: "throw new InvalidOperationException(\"nor here\");");
        Assert.True((await live.Reload()).Success);
        Assert.Equal(1UL, live.Answer());
        live.Save("p", 4, "1.3.0");
        Assert.True((await live.Reload()).Success);
        Assert.Equal(4UL, live.Answer());
        Assert.Null(Assert.Single(Assert.Single(live.Bench.Engine.GetVms()).Policies, policy => policy.Id == "p").Reason);
        Assert.Equal(1, AliveAfterCollection(live));
    }

    [Fact]
    public async Task A_policy_that_is_new_and_throws_when_it_starts_is_refused_alone()
    {
        await using var live = new LiveReload();
        live.Save("p", 1);
        await live.Start();
        live.Save("a", 9, top: "throw new InvalidOperationException(\"no\");");
        Assert.True((await live.Reload()).Success);
        Assert.Equal(1UL, live.Answer());
        Assert.Equal("a", Assert.Single(live.Statuses("refused")).Policy);
    }

    private static async Task MustGoOn(LiveReload live, string id, ulong answer)
    {
        live.Save(id, answer);
        var report = await live.Reload();
        Assert.True(report.Success, string.Join('\n', report.Findings));
        Assert.Equal(answer, live.Answer());
    }

    private static int AliveAfterCollection(LiveReload live)
    {
        for (var i = 0; i < 10 && live.Builder.GenerationsAlive > 1; i++)
        {
#pragma warning disable RS0030 // The product never forces a collection; proving an unload needs one.
            GC.Collect();
#pragma warning restore RS0030
            GC.WaitForPendingFinalizers();
        }

        return live.Builder.GenerationsAlive;
    }

    private static byte[] PluginOf(string members) => TestAssembly.Build(
        "Kept", $"using Kvmi.Policy; [assembly: PolicyPlugin(\"kept\")] public class P : PolicyBase {{ {members} }}");
}
