using System.Text;
using Kvmi.Policy.Engine.Plugins;
using Kvmi.Policy.Engine.Reload;
using Kvmi.Policy.Engine.Tests.Plugins;

namespace Kvmi.Policy.Engine.Tests.Reload;

/// <summary>What editors, copying tools and mounted configuration do to files, step by step as they do it, with a watcher and with polling alone.</summary>
public sealed class WaysOfSavingTests
{
    public static TheoryData<bool> WithAndWithoutWatcher => [true, false];

    [Theory]
    [MemberData(nameof(WithAndWithoutWatcher))]
    public async Task Vim_probes_the_folder_keeps_a_swap_file_and_renames(bool useWatcher)
    {
        await using var harness = new ReloadHarness(useWatcher);
        var path = harness.Save(1);
        await harness.Start();
        var swap = harness.Folder.Write("policies/.p.csx.swp", new byte[4096]);
        for (ulong answer = 2; answer <= 4; answer++)
        {
            // backupcopy=no: may a file be made here? Then the old one becomes the backup, and a new one takes its name.
            File.Delete(harness.Folder.Write("policies/4913", ""));
            File.Move(path, path + "~");
            await File.WriteAllTextAsync(path, ReloadHarness.TextOf(answer));
            File.Delete(path + "~");
            await harness.WaitForAnswer(answer);
        }

        File.Delete(swap);
        Assert.Single(harness.Current!.Policies);
    }

    [Theory]
    [MemberData(nameof(WithAndWithoutWatcher))]
    public async Task VsCode_empties_the_file_and_writes_it_in_place(bool useWatcher)
    {
        await using var harness = new ReloadHarness(useWatcher);
        var path = harness.Save(1);
        await harness.Start();
        for (ulong answer = 2; answer <= 4; answer++)
        {
            await using (var file = new FileStream(path, FileMode.Truncate, FileAccess.Write))
            {
                foreach (var part in Encoding.UTF8.GetBytes(ReloadHarness.TextOf(answer)).Chunk(7))
                {
                    await file.WriteAsync(part);
                    await file.FlushAsync();
                }
            }

            await harness.WaitForAnswer(answer);
        }
    }

    [Theory]
    [MemberData(nameof(WithAndWithoutWatcher))]
    public async Task Emacs_locks_by_a_link_to_nowhere_and_saves_itself_beside_the_file(bool useWatcher)
    {
        await using var harness = new ReloadHarness(useWatcher);
        var path = harness.Save(1);
        await harness.Start();
        var link = Path.Combine(harness.Policies, ".#p.csx");
        File.CreateSymbolicLink(link, "author@host.4711:1700000000");
        harness.Folder.Write("policies/#p.csx#", "Decision OnCr(CrEvent e) => Se");

        // The first save keeps the old file as a backup, later ones write in place.
        File.Move(path, path + "~");
        await File.WriteAllTextAsync(path, ReloadHarness.TextOf(2));
        await harness.WaitForAnswer(2);
        await File.WriteAllTextAsync(path, ReloadHarness.TextOf(3));
        await harness.WaitForAnswer(3);
        File.Delete(link);
        File.Delete(Path.Combine(harness.Policies, "#p.csx#"));
        await File.WriteAllTextAsync(path, ReloadHarness.TextOf(4));
        await harness.WaitForAnswer(4);
        Assert.Single(harness.Current!.Policies);
    }

    [Theory]
    [MemberData(nameof(WithAndWithoutWatcher))]
    public async Task Mounted_configuration_changes_by_one_rename_of_a_link(bool useWatcher)
    {
        await using var harness = new ReloadHarness(useWatcher);
        for (ulong version = 1; version <= 4; version++)
            harness.Save(version, $"..2026_{version}/p.csx");

        var data = Path.Combine(harness.Policies, "..data");
        Directory.CreateSymbolicLink(data, "..2026_1");
        File.CreateSymbolicLink(Path.Combine(harness.Policies, "p.csx"), "..data/p.csx");
        await harness.Start();
        for (ulong version = 2; version <= 4; version++)
        {
            var next = Path.Combine(harness.Policies, "..data_tmp");
            Directory.CreateSymbolicLink(next, $"..2026_{version}");
            Rename(next, data);
            Directory.Delete(Path.Combine(harness.Policies, $"..2026_{version - 1}"), recursive: true);
            await harness.WaitForAnswer(version);
        }

        Assert.Empty(harness.WatchProblems);
    }

    [Theory]
    [MemberData(nameof(WithAndWithoutWatcher))]
    public async Task A_folder_of_policies_that_is_a_link_is_swapped_as_a_whole(bool useWatcher)
    {
        await using var harness = new ReloadHarness(useWatcher);
        for (ulong version = 1; version <= 3; version++)
            harness.Folder.Write($"releases/{version}/p.csx", ReloadHarness.TextOf(version));

        Directory.Delete(harness.Policies);
        Directory.CreateSymbolicLink(harness.Policies, "releases/1");
        await harness.Start();
        for (ulong version = 2; version <= 3; version++)
        {
            var next = harness.Policies + ".next";
            Directory.CreateSymbolicLink(next, $"releases/{version}");
            Rename(next, harness.Policies);
            await harness.WaitForAnswer(version);

            // The watch follows the link: a save in the new folder is seen, too.
            harness.Folder.Write($"releases/{version}/p.csx", ReloadHarness.TextOf(version + 10));
            await harness.WaitForAnswer(version + 10);
        }
    }

    [Fact]
    public async Task A_plugin_that_is_being_written_for_too_long_is_reported_once_and_taken_when_it_is_whole()
    {
        await using var harness = new ReloadHarness(configure: options => options with
        {
            PluginStable = TimeSpan.FromMilliseconds(300),
            LongestWait = TimeSpan.FromMilliseconds(900),
        });
        harness.Folder.Write("plugins/p/P.dll", PluginThatAnswers(1));
        harness.Folder.Write("policies/plugins.yaml", "p\n");
        await harness.Start();
        var whole = PluginThatAnswers(2);
        var path = Path.Combine(harness.Plugins, "p", "P.dll");
        using var copied = new CancellationTokenSource();

        // A slow copy: the file is never left alone, whatever the machine's load.
        var copy = Task.Factory.StartNew(
            () =>
            {
                using var file = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.ReadWrite);
                for (var length = 1; !copied.IsCancellationRequested; length = length % 1000 + 1)
                {
                    file.Position = 0;
                    file.Write(whole, 0, length);
                    file.SetLength(length);
                    file.Flush();
                }

                file.Position = 0;
                file.Write(whole);
                file.SetLength(whole.Length);
            },
            TaskCreationOptions.LongRunning);
        var report = await harness.NextReport();
        Assert.False(report.Success);
        var finding = Assert.Single(report.Findings);
        Assert.Equal(("KP0618", path), (finding.Code, finding.Location.File));
        Assert.Equal(1UL, harness.Answer());
        await copied.CancelAsync();
        await copy.WaitAsync(ReloadHarness.Patience);
        Assert.True((await harness.NextReport()).Success);
        Assert.Equal(2UL, harness.Answer());
    }

    [Fact]
    public async Task More_events_than_the_kernel_keeps_are_noticed_and_the_watch_goes_on()
    {
        using var folder = new Scripting.TemporaryFolder();
        using var busy = new ManualResetEventSlim();
        var hints = 0;
        var problems = new List<string>();
        using var watch = new DirectoryHints(
            [folder.Path],
            () =>
            {
                Interlocked.Increment(ref hints);
                busy.Wait();
            },
            problems.Add);
        watch.Refresh();
        var limit = int.Parse(await File.ReadAllTextAsync("/proc/sys/fs/inotify/max_queued_events"), System.Globalization.CultureInfo.InvariantCulture);
        for (var i = 0; i <= limit; i++)
            File.Delete(folder.Write($"{i % 100}.csx", ""));

        // The listener was busy all the time; what the kernel threw away is one error, and a new watch.
        busy.Set();
        Session.Tests.Support.TestServer.Until(() => watch.HasBroken, "the overflow was not noticed");
        watch.Refresh();
        Assert.False(watch.HasBroken);
        var before = Volatile.Read(ref hints);
        Session.Tests.Support.TestServer.Until(
            () =>
            {
                folder.Write("after.csx", "");
                return Volatile.Read(ref hints) > before;
            },
            "the new watch sees nothing");
        Assert.Empty(problems);
    }

    [System.Runtime.InteropServices.DllImport("libc", EntryPoint = "rename", SetLastError = true)]
    [System.Runtime.InteropServices.DefaultDllImportSearchPaths(System.Runtime.InteropServices.DllImportSearchPath.System32)]
    private static extern int NativeRename([System.Runtime.InteropServices.MarshalAs(System.Runtime.InteropServices.UnmanagedType.LPUTF8Str)] string from, [System.Runtime.InteropServices.MarshalAs(System.Runtime.InteropServices.UnmanagedType.LPUTF8Str)] string to);

    // File.Move follows links to folders; rename(2) replaces the link itself.
    private static void Rename(string from, string to) => Assert.Equal(0, NativeRename(from, to));

    private static byte[] PluginThatAnswers(int answer) => TestAssembly.Build(
        "P",
        $"using Kvmi.Policy; [assembly: PolicyPlugin(\"p\")] public class P : PolicyBase {{ public Decision OnCr(CrEvent e) => Set({answer}); }}");
}
