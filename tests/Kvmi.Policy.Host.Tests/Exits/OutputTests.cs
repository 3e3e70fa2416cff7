using System.Runtime.InteropServices;
using Kvmi.Policy.Host.Tests.Commands;

namespace Kvmi.Policy.Host.Tests.Exits;

/// <summary>What becomes of a host whose output goes nowhere: the guest must not notice.</summary>
public sealed partial class OutputTests
{
    private const int ReadWrite = 2;
    private const int NonBlocking = 0x800;

    [Fact]
    public async Task A_reader_that_takes_one_line_and_leaves_does_not_end_the_protection()
    {
        using var directory = new TestDirectory();
        await using var guest = new WatchedGuest(directory.Socket());
        await using var host = CommandProcess.Start(directory.Path, Run(directory));
        await host.WaitForLineAsync("\"listening\"");
        host.CloseOutput();
        await EndAsync(host, guest, expectedErrors: ["Nobody reads stdout any more", "did not reach stdout"]);
    }

    [Fact]
    public async Task A_full_disk_under_stdout_does_not_end_the_protection()
    {
        using var directory = new TestDirectory();
        await using var guest = new WatchedGuest(directory.Socket());
        await using var host = CommandProcess.StartRedirected(">/dev/full", directory.Path, Run(directory));
        await EndAsync(host, guest, expectedErrors: ["Results cannot be written to stdout", "did not reach stdout"]);
    }

    [Fact]
    public async Task A_full_disk_under_stdout_and_stderr_does_not_end_the_protection()
    {
        using var directory = new TestDirectory();
        await using var guest = new WatchedGuest(directory.Socket());
        await using var host = CommandProcess.StartRedirected(">/dev/full 2>/dev/full", directory.Path, Run(directory));
        await EndAsync(host, guest, expectedErrors: []);
    }

    [Fact]
    public async Task A_pipe_that_nobody_empties_holds_neither_the_guest_nor_the_end()
    {
        using var directory = new TestDirectory();
        using var pipe = FullPipe.Make(Path.Combine(directory.Path, "pipe"));
        await using var guest = new WatchedGuest(directory.Socket());
        await using var host = CommandProcess.StartRedirected(">pipe", directory.Path, Run(directory));
        await EndAsync(host, guest, expectedErrors: ["did not reach stdout"]);
    }

    [Fact]
    public async Task A_log_that_nobody_empties_holds_neither_the_guest_nor_the_end()
    {
        using var directory = new TestDirectory();
        using var pipe = FullPipe.Make(Path.Combine(directory.Path, "pipe"));
        await using var guest = new WatchedGuest(directory.Socket());
        await using var host = CommandProcess.StartRedirected(">pipe 2>pipe", directory.Path, [.. Run(directory), "--log-level", "trace"]);
        await EndAsync(host, guest, expectedErrors: []);
    }

    [Theory]
    [InlineData("2>&-")]
    [InlineData(">&-")]
    [InlineData("<&- >&- 2>&-")]
    public async Task Closed_descriptors_do_not_end_the_protection(string redirections)
    {
        using var directory = new TestDirectory();
        await using var guest = new WatchedGuest(directory.Socket());
        await using var host = CommandProcess.StartRedirected(redirections, directory.Path, [.. Run(directory), "--log-level", "trace"]);
        await EndAsync(host, guest, expectedErrors: []);
    }

    [Fact]
    public async Task A_log_file_on_a_full_disk_does_not_end_the_protection()
    {
        using var directory = new TestDirectory();
        directory.Write("nlog.xml", """
            <nlog xmlns="http://www.nlog-project.org/schemas/NLog.xsd" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
              <targets><target xsi:type="File" name="f" fileName="/dev/full" keepFileOpen="true" /></targets>
              <rules><logger name="*" minlevel="Trace" writeTo="f" /></rules>
            </nlog>
            """);
        await using var guest = new WatchedGuest(directory.Socket());
        await using var host = CommandProcess.Start(directory.Path, [.. Run(directory), "--log-config", "nlog.xml"]);
        await EndAsync(host, guest, expectedErrors: []);
    }

    [Fact]
    public async Task A_verb_whose_results_cannot_be_written_says_so_by_its_exit_code()
    {
        using var directory = new TestDirectory();
        await using var verb = CommandProcess.StartRedirected(">/dev/full", directory.Path, "dialects", "--json");
        var result = (await verb.WaitForExitAsync()).Expect(3);
        Assert.Contains("did not reach stdout", result.Errors, StringComparison.Ordinal);
    }

    private static string[] Run(TestDirectory directory) =>
    [
        "run", "--listen", directory.Socket(), "--policies",
        ExitPolicies.Holder(directory, """if (events < 100_000) Record("switch", new { events, e.New, e.Old, e.Rip });"""),
        "--state", Path.Combine(directory.Path, "state"), "--json",
    ];

    /// <summary>The host holds its leases while all vCPUs run, and a SIGTERM ends it in order.</summary>
    private static async Task EndAsync(CommandProcess host, WatchedGuest guest, string[] expectedErrors)
    {
        guest.WaitUntil(found => ExitPolicies.PatchedPages.All(found.Contains), "the policy holds its leases");
        for (var i = 0; i < 20; i++)
        {
            guest.RunsOn();
        }

        host.Terminate();
        var result = (await host.WaitForExitAsync()).Expect(0);
        Assert.All(expectedErrors, error => Assert.Contains(error, result.Errors, StringComparison.Ordinal));
        WatchedGuest.AssertAllAnswered(await guest.WaitForEndAsync());
        Assert.Empty(guest.State.FindDifferences());
    }

    /// <summary>A named pipe with a reader that never reads, filled to the brim.</summary>
    private sealed partial class FullPipe : IDisposable
    {
        private readonly int _descriptor;

        private FullPipe(int descriptor) => _descriptor = descriptor;

        public static FullPipe Make(string path)
        {
            Assert.Equal(0, MakeFifo(path, 0x180));
            var descriptor = Open(path, ReadWrite | NonBlocking);
            Assert.True(descriptor >= 0);
            var page = new byte[4096];
            while (Write(descriptor, page, page.Length) > 0)
            {
            }

            return new FullPipe(descriptor);
        }

        public void Dispose() => _ = Close(_descriptor);

        [LibraryImport("libc", EntryPoint = "mkfifo", StringMarshalling = StringMarshalling.Utf8)]
        private static partial int MakeFifo(string path, uint mode);

        [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8)]
        private static partial int Open(string path, int flags);

        [LibraryImport("libc", EntryPoint = "write")]
        private static partial nint Write(int descriptor, ReadOnlySpan<byte> bytes, nint count);

        [LibraryImport("libc", EntryPoint = "close")]
        private static partial int Close(int descriptor);
    }
}
