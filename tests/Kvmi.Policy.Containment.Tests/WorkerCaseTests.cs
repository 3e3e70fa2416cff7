using System.Diagnostics;
using Kvmi.Policy.Containment.Tests.Running;

namespace Kvmi.Policy.Containment.Tests;

/// <summary>
/// What no code in the same process can hold, openly: the whole command ends. Once such a case is held, its test fails here and it belongs to
/// another outcome.
/// </summary>
public sealed class WorkerCaseTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    public static TheoryData<string> Late => CorpusTests.Named(CorpusOutcome.Deadline);

    public static TheoryData<string> Leaking => CorpusTests.Named(CorpusOutcome.Leaks);

    public static TheoryData<string> Cases => CorpusTests.Named(CorpusOutcome.Worker);

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task It_ends_the_process_that_runs_it(string name)
    {
        using var folder = new CorpusFolder(CorpusCase.Find(name));

        // A guest without end: what takes a while to end the process shall have it.
        var (exitCode, _) = await RunCommandAsync(folder, "load", "--for", "60s");

        // 128 and the signal's number, as a shell says it: the process was ended and did not end.
        Assert.InRange(exitCode, 129, 159);
    }

    /// <summary>What it would do to this process it does to its worker: the guest ends as written, and the innocent policy keeps what it keeps.</summary>
    [Theory]
    [MemberData(nameof(Cases))]
    [MemberData(nameof(Late))]
    [MemberData(nameof(Leaking))]
    public async Task In_a_worker_it_disturbs_nobody(string name)
    {
        var hostile = CorpusCase.Find(name);
        using var folder = new CorpusFolder(hostile, untrusted: true);
        var (exitCode, output) = await RunCommandAsync(folder);
        Assert.True(exitCode == 0, output);
        Assert.Contains("\"endedAsWritten\":true", output, StringComparison.Ordinal);
        Assert.Contains("{\"name\":\"lstar\",\"value\":\"kept\",\"vcpu\":0}", output, StringComparison.Ordinal);

        // What hangs or dies takes its worker with it; where the worker refuses a thread, its policy is out of service for its errors. A leak stays
        // below the worker's limit here.
        if (hostile.Outcome != CorpusOutcome.Leaks)
        {
            Assert.True(
                output.Contains("\"status\":\"worker-ended\"", StringComparison.Ordinal) || output.Contains("\"status\":\"quarantined\"", StringComparison.Ordinal),
                output);
        }
    }

    [Fact]
    public async Task The_innocent_policy_alone_ends_in_order()
    {
        using var folder = new CorpusFolder(null);
        Assert.Equal(0, (await RunCommandAsync(folder)).ExitCode);
    }

    [Theory]
    [MemberData(nameof(Late))]
    public async Task What_takes_too_long_is_answered_at_its_deadline_and_the_guest_ends_as_written(string name)
    {
        using var folder = new CorpusFolder(CorpusCase.Find(name));
        var (exitCode, output) = await RunCommandAsync(folder);
        Assert.True(exitCode == 0, output);
        Assert.Contains("\"status\":\"timeout\"", output, StringComparison.Ordinal);
        Assert.Contains("\"endedAsWritten\":true", output, StringComparison.Ordinal);
    }

    private static async Task<(int ExitCode, string Output)> RunCommandAsync(CorpusFolder folder, string scenario = "default", params string[] further)
    {
        // The tests lie in tests/NAME/bin/CONFIGURATION/FRAMEWORK; the command is built with the same configuration.
        var own = new DirectoryInfo(AppContext.BaseDirectory);
        var root = own.Parent!.Parent!.Parent!.Parent!.Parent!.FullName;
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true };
        string[] arguments =
        [
            Path.Combine(root, "src", "Kvmi.Policy.Host", "bin", own.Parent.Name, own.Name, "kvmi-policy.dll"),
            "run", "--simulate", scenario, "--vcpus", "2", "--policies", folder.Policies, "--plugins", folder.Plugins, "--no-control", "--json", .. further,
        ];
        Array.ForEach(arguments, start.ArgumentList.Add);
        start.Environment["DOTNET_DbgEnableMiniDump"] = "0";
        using var process = Process.Start(start)!;
        using var limit = new CancellationTokenSource(Patience);
        try
        {
            // A stack overflow prints its whole stack.
            var output = process.StandardOutput.ReadToEndAsync(limit.Token);
            await Task.WhenAll(
                output,
                process.StandardError.BaseStream.CopyToAsync(Stream.Null, limit.Token),
                process.WaitForExitAsync(limit.Token));
            return (process.ExitCode, await output);
        }
        finally
        {
            if (!process.HasExited)
                process.Kill();
        }
    }
}
