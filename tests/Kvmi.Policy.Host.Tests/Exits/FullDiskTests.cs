using System.Runtime.InteropServices;
using Kvmi.Policy.Host.Tests.Commands;

namespace Kvmi.Policy.Host.Tests.Exits;

/// <summary>The state directory lies on a disk without room. Needs root, to mount such a disk.</summary>
public sealed partial class FullDiskTests
{
    [Fact]
    public async Task A_patch_that_cannot_be_noted_is_refused_and_everything_else_goes_on()
    {
        using var directory = new TestDirectory();
        using var disk = Disk.Mount(Path.Combine(directory.Path, "state"));
        disk.Fill();
        await using var guest = new WatchedGuest(directory.Socket());
        await using var host = CommandProcess.Start(directory.Path, Run(directory));
        await host.WaitForLineAsync("patch-refused");
        var holding = await host.WaitForLineAsync("\"holding\"");
        Assert.Contains("\"patched\":false", holding, StringComparison.Ordinal);
        guest.WaitUntil(held => held.Any(lease => lease.Contains("traps CR3", StringComparison.Ordinal)), "the traps are armed");
        guest.RunsOn();
        Assert.DoesNotContain(guest.State.FindDifferences(), ExitPolicies.PatchedPages.Contains);
        host.Terminate();
        (await host.WaitForExitAsync()).Expect(0);
        WatchedGuest.AssertAllAnswered(await guest.WaitForEndAsync());
        Assert.Empty(guest.State.FindDifferences());
    }

    [Fact]
    public async Task A_disk_that_fills_up_after_a_kill_does_not_keep_bytes_in_the_guest()
    {
        using var directory = new TestDirectory();
        using var disk = Disk.Mount(Path.Combine(directory.Path, "state"));
        await using var guest = new WatchedGuest(directory.Socket(), reconnects: true);
        await using (var host = CommandProcess.Start(directory.Path, Run(directory)))
        {
            await host.WaitForLineAsync("\"holding\"");
            host.Signal(9);
            await host.WaitForExitAsync();
        }

        disk.Fill();
        await using var next = CommandProcess.Start(directory.Path, [.. Run(directory), "--mode", "audit"]);
        await next.WaitForLineAsync("patches-restored");
        next.Terminate();
        (await next.WaitForExitAsync()).Expect(0);
        guest.WaitUntilAlone();
        guest.RunsOn();
        Assert.Empty(guest.State.FindDifferences());
    }

    [Fact]
    public async Task A_recording_that_finds_no_room_ends_and_the_run_goes_on()
    {
        using var directory = new TestDirectory();
        using var disk = Disk.Mount(Path.Combine(directory.Path, "disk"));
        var trace = Path.Combine(directory.Path, "disk", "run.kvmitrace");
        await using var host = CommandProcess.Start(directory.Path, "run", "--listen", directory.Socket(), "--record", trace, "--json");
        await host.WaitForLineAsync("\"listening\"");
        disk.Fill();
        var guest = (await CommandProcess.RunAsync("simulate", "--connect", directory.Socket(), "--settle", "1s", "--json")).Expect(0);
        RunCommandTests.AssertAllAnswered(Assert.Single(guest.Json, line => RunCommandTests.Summary(line) == "simulation"));
        await host.WaitForLineAsync("recording-ended");
        host.Terminate();
        var result = (await host.WaitForExitAsync()).Expect(0);
        Assert.DoesNotContain(result.Output, line => line.Contains("\"recorded\"", StringComparison.Ordinal));
        var run = Assert.Single(result.Json, line => RunCommandTests.Summary(line) == "run");
        Assert.True(run.GetProperty("events").GetInt64() > 0, "no event after the disk was full");
        (await CommandProcess.RunAsync("trace", "show", trace)).Expect(0);
    }

    private static string[] Run(TestDirectory directory) =>
    [
        "run", "--listen", directory.Socket(), "--policies", ExitPolicies.Holder(directory), "--state", Path.Combine(directory.Path, "state"), "--json",
    ];

    /// <summary>A small file system in memory.</summary>
    private sealed partial class Disk : IDisposable
    {
        private const int Detach = 2;
        private readonly string _path;

        private Disk(string path) => _path = path;

        public static Disk Mount(string path)
        {
            Directory.CreateDirectory(path);
            if (Mount("tmpfs", path, "tmpfs", 0, "size=65536,mode=0700") != 0)
            {
                Assert.Skip($"A full disk has to be mounted, which this user may not: {Marshal.GetLastPInvokeErrorMessage()}.");
            }

            return new Disk(path);
        }

        /// <summary>Leaves no byte free.</summary>
        public void Fill()
        {
            using var file = new FileStream(Path.Combine(_path, "filler"), FileMode.Create, FileAccess.Write, FileShare.None, 1);
            var page = new byte[4096];
            var isFull = false;
            while (!isFull)
            {
                try
                {
                    file.Write(page);
                    file.Flush();
                }
                catch (IOException)
                {
                    isFull = true;
                }
            }
        }

        public void Dispose() => _ = Unmount(_path, Detach);

        [LibraryImport("libc", EntryPoint = "mount", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
        private static partial int Mount(string source, string target, string type, nuint flags, string data);

        [LibraryImport("libc", EntryPoint = "umount2", StringMarshalling = StringMarshalling.Utf8)]
        private static partial int Unmount(string target, int flags);
    }
}
