using System.Runtime.CompilerServices;
using Kvmi.Policy.Engine.Findings;
using Kvmi.Policy.Engine.Reload;
using Kvmi.Policy.Engine.Tests.Plugins;
using static Kvmi.Policy.Engine.Tests.Scripting.Policies;

namespace Kvmi.Policy.Engine.Tests.Reload;

public sealed class PolicyReloaderTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_saved_script_goes_live(bool useWatcher)
    {
        await using var harness = new ReloadHarness(useWatcher);
        var path = harness.Save(1);
        await harness.Start();
        Assert.Equal(1UL, harness.Answer());

        harness.Save(2);
        var report = await harness.NextSuccess();
        Assert.Equal(2UL, harness.Answer());
        Assert.Equal([path], report.ChangedFiles);
        Assert.Equal((2, 1), (report.Generation, report.Policies));
        Assert.Empty(report.Findings);
        Assert.Empty(harness.WatchProblems);
    }

    [Fact]
    public async Task A_script_that_does_not_compile_keeps_the_old_one_and_says_where()
    {
        await using var harness = new ReloadHarness();
        var path = harness.Save(1);
        await harness.Start();
        var live = harness.Current;

        harness.Folder.Write("policies/p.csx", "Decision OnCr(CrEvent e)\n    => Sett(1);\n");
        var report = await harness.NextReport();
        Assert.False(report.Success);
        Assert.Equal(1, report.Generation);
        Assert.Equal($"{path}:2:8: error CS0103: The name 'Sett' does not exist in the current context (did you mean Set?)", Assert.Single(report.Findings).ToString());
        Assert.Same(live, harness.Current);
        Assert.Equal(1UL, harness.Answer());

        harness.Save(3);
        Assert.True((await harness.NextReport()).Success);
        Assert.Equal(3UL, harness.Answer());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Every_way_of_saving_is_noticed(bool useWatcher)
    {
        await using var harness = new ReloadHarness(useWatcher);
        var path = harness.Save(1);
        await harness.Start();

        // Temporary file in the folder, renamed over.
        var temporary = harness.Folder.Write("policies/.p.csx.swp", ReloadHarness.TextOf(2));
        File.Move(temporary, path, overwrite: true);
        await harness.WaitForAnswer(2);

        // Temporary file from elsewhere, renamed over, with the time and length of the old one: only the content differs.
        var elsewhere = harness.Folder.Write("elsewhere", ReloadHarness.TextOf(3));
        File.Move(elsewhere, path, overwrite: true);
        await harness.WaitForAnswer(3);

        // Old one moved away, new one written.
        File.Move(path, path + ".bak");
        harness.Save(4);
        await harness.WaitForAnswer(4);

        // Folder removed and made anew.
        Directory.Delete(harness.Policies, recursive: true);
        harness.Save(5);
        await harness.WaitForAnswer(5);
        harness.Save(6);
        await harness.WaitForAnswer(6);

        // A new policy in a new folder.
        harness.Save(7, "a/q.csx");
        while (harness.Current!.Policies.Count != 2)
            await harness.NextReport();
        Assert.Equal(7UL, harness.Answer(policy: 1));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_swapped_link_is_noticed(bool useWatcher)
    {
        await using var harness = new ReloadHarness(useWatcher);
        for (ulong version = 1; version <= 3; version++)
            harness.Save(version, $"..v{version}/p.csx");

        // The layout of a mounted ConfigMap: a link to a link to the version.
        Directory.CreateSymbolicLink(Path.Combine(harness.Policies, "..data"), "..v1");
        File.CreateSymbolicLink(Path.Combine(harness.Policies, "p.csx"), "..data/p.csx");
        await harness.Start();
        Assert.Equal(1UL, harness.Answer());

        for (ulong version = 2; version <= 3; version++)
        {
            // Between the two steps there is no script; what counts is what is there in the end.
            Directory.Delete(Path.Combine(harness.Policies, "..data"));
            Directory.CreateSymbolicLink(Path.Combine(harness.Policies, "..data"), $"..v{version}");
            await harness.WaitForAnswer(version);
        }
    }

    [Fact]
    public async Task Touching_a_file_is_no_change()
    {
        await using var harness = new ReloadHarness(useWatcher: false);
        var path = harness.Save(1);
        await harness.Start();
        File.SetLastWriteTimeUtc(path, File.GetLastWriteTimeUtc(path).AddMinutes(1));
        var other = harness.Save(2, "q.csx");
        Assert.Equal([other], (await harness.NextReport()).ChangedFiles);
    }

    [Fact]
    public async Task Same_size_and_time_but_other_content_is_found_by_the_full_check()
    {
        await using var harness = new ReloadHarness(useWatcher: false);
        var path = harness.Save(1);
        await harness.Start();
        var time = File.GetLastWriteTimeUtc(path);
        var temporary = harness.Folder.Write("elsewhere", ReloadHarness.TextOf(2));
        File.SetLastWriteTimeUtc(temporary, time);
        File.Move(temporary, path, overwrite: true);
        await harness.WaitForAnswer(2);
    }

    [Fact]
    public async Task The_last_of_many_saves_wins_and_a_burst_is_few_reloads()
    {
        await using var harness = new ReloadHarness();
        harness.Save(1);
        await harness.Start();
        for (ulong answer = 2; answer <= 200; answer++)
            harness.Save(answer);
        await harness.WaitForAnswer(200);
        Assert.InRange(harness.Reports, 2, 100);
    }

    [Fact]
    public async Task A_change_during_a_reload_starts_the_next_one()
    {
        await using var harness = new ReloadHarness();
        harness.Save(1);
        await harness.Start();
        harness.AfterRead = () =>
        {
            harness.AfterRead = null;
            harness.Save(3);
        };
        harness.Save(2);
        await harness.WaitForAnswer(3);
    }

    [Fact]
    public async Task A_source_or_target_that_throws_keeps_the_old_one_and_the_loop_alive()
    {
        await using var harness = new ReloadHarness();
        harness.Save(1);
        await harness.Start();
        harness.AfterRead = () => throw new InvalidOperationException("disk on fire");
        var report = await harness.Reloader.ReloadNowAsync().WaitAsync(ReloadHarness.Patience);
        Assert.False(report.Success);
        Assert.Equal("the reload failed with InvalidOperationException: disk on fire", Assert.Single(report.Findings).Message);

        harness.AfterRead = null;
        harness.BeforeSwap = () => throw new InvalidOperationException("no");
        Assert.False((await harness.Reloader.ReloadNowAsync().WaitAsync(ReloadHarness.Patience)).Success);
        Assert.Equal(1, harness.Current!.Number);

        harness.BeforeSwap = null;
        Assert.True((await harness.Reloader.ReloadNowAsync().WaitAsync(ReloadHarness.Patience)).Success);
    }

    [Fact]
    public async Task A_half_copied_plugin_keeps_the_old_one_until_it_is_complete()
    {
        await using var harness = new ReloadHarness();
        var first = PluginThatAnswers(1);
        var second = PluginThatAnswers(2);
        var path = harness.Folder.Write("plugins/p/P.dll", first);
        harness.Folder.Write("policies/plugins.yaml", "p\n");
        await harness.Start();
        Assert.Equal(1UL, harness.Answer());

        harness.Folder.Write("plugins/p/P.dll", second[..^700]);
        var report = await harness.NextReport();
        Assert.False(report.Success);
        Assert.Contains(report.Findings, finding => finding.Location.File == Path.GetDirectoryName(path) && finding.Message.Contains("cut short", StringComparison.Ordinal));
        Assert.Equal(1UL, harness.Answer());

        harness.Folder.Write("plugins/p/P.dll", second);
        Assert.True((await harness.NextReport()).Success);
        Assert.Equal(2UL, harness.Answer());
    }

    [Fact]
    public async Task Requests_from_many_threads_are_all_answered()
    {
        await using var harness = new ReloadHarness();
        harness.Save(1);
        await harness.Start();
        var reports = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => Task.Run(harness.Reloader.ReloadNowAsync))).WaitAsync(ReloadHarness.Patience);
        Assert.All(reports, report => Assert.True(report.Success));
    }

    [Fact]
    public async Task Requests_are_cancelled_when_the_reloader_is_not_running_any_more()
    {
        await using var harness = new ReloadHarness();
        var open = harness.Reloader.ReloadNowAsync();
        await harness.Reloader.DisposeAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => open);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(harness.Reloader.ReloadNowAsync);
    }

    [Fact]
    public async Task Hundred_reloads_under_dispatch_never_mix_generations_and_leave_only_the_live_one()
    {
        // Only explicit reloads: no poll may see one file new and the other old.
        await using var harness = new ReloadHarness(useWatcher: false, pollInterval: TimeSpan.FromHours(1));
        harness.Save(0, "a.csx");
        harness.Save(0, "b.csx");
        await harness.Start();

        using var stop = new CancellationTokenSource();
        var dispatched = 0L;
        var mixed = 0L;
        var reader = Task.Factory.StartNew(
            () =>
            {
                while (!stop.IsCancellationRequested)
                    Dispatch(harness, ref dispatched, ref mixed);
            },
            TaskCreationOptions.LongRunning);

        for (ulong round = 1; round <= 100; round++)
        {
            harness.Save(round, "a.csx");
            harness.Save(round, "b.csx");
            var report = await harness.Reloader.ReloadNowAsync().WaitAsync(ReloadHarness.Patience);
            Assert.True(report.Success, string.Join('\n', report.Findings));
        }

        await stop.CancelAsync();
        await reader.WaitAsync(ReloadHarness.Patience);
        Assert.True(dispatched > 100);
        Assert.Equal(0, mixed);
        Assert.Equal(100UL, harness.Answer());
        Collect();
        Assert.Equal(1, harness.Builder.GenerationsAlive);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Dispatch(ReloadHarness harness, ref long dispatched, ref long mixed)
    {
        var generation = harness.Current!;
        if (!generation.TryAcquire())
            return;

        try
        {
            var a = generation.Policies[0].Factory.Create(new Scripting.RecordingServices());
            var b = generation.Policies[1].Factory.Create(new Scripting.RecordingServices());
            if (DecideCr(a.Handlers[0], CrMessage(1, 2)) != DecideCr(b.Handlers[0], CrMessage(1, 2)))
                mixed++;
            dispatched++;
        }
        finally
        {
            generation.Release();
        }
    }

    private static byte[] PluginThatAnswers(int answer) => TestAssembly.Build(
        "P",
        $"using Kvmi.Policy; [assembly: PolicyPlugin(\"p\")] public class P : PolicyBase {{ public Decision OnCr(CrEvent e) => Set({answer}); }}");

    private static void Collect()
    {
        for (var i = 0; i < 10; i++)
        {
#pragma warning disable RS0030 // The product never forces a collection; proving an unload needs one.
            GC.Collect();
#pragma warning restore RS0030
            GC.WaitForPendingFinalizers();
        }
    }
}
