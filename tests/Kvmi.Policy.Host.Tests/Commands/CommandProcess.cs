using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;

namespace Kvmi.Policy.Host.Tests.Commands;

/// <summary>
/// The built command as a process of its own. Every wait is on a condition with a time limit; disposing ends the process by its
/// own id, whatever the test did.
/// </summary>
internal sealed partial class CommandProcess : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);
    private static readonly Lazy<string> CacheHome = new(MakeCacheHome);
    private readonly Process _process;
    private readonly object _lock = new();
    private readonly List<string> _output = [];
    private readonly StringBuilder _errors = new();
    private readonly Task _outputEnd;
    private readonly Task _errorEnd;
    private readonly string _control;
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private CommandProcess(Process process, string control)
    {
        _control = control;
        _process = process;
        _outputEnd = PumpAsync(process.StandardOutput, _output.Add);
        _errorEnd = PumpAsync(process.StandardError, line => _errors.AppendLine(line));
    }

    /// <summary>Where the build put the command, its policies and its plugins.</summary>
    public static string Directory { get; } = FindDirectory();

    /// <summary>Its process id.</summary>
    public int Id => _process.Id;

    /// <summary>All of stdout so far.</summary>
    public string[] Output
    {
        get
        {
            lock (_lock)
            {
                return [.. _output];
            }
        }
    }

    /// <summary>All of stderr so far.</summary>
    public string Errors
    {
        get
        {
            lock (_lock)
            {
                return _errors.ToString();
            }
        }
    }

    /// <summary>Starts the command.</summary>
    public static CommandProcess Start(string? workingDirectory, params string[] arguments) => Start("dotnet", [], workingDirectory, arguments);

    /// <summary>Starts the command with redirections of a shell, for example <c>&gt;/dev/full</c>. The shell turns into the command.</summary>
    public static CommandProcess StartRedirected(string redirections, string? workingDirectory, params string[] arguments) =>
        Start("/bin/sh", ["-c", $"exec dotnet \"$@\" {redirections}", "sh"], workingDirectory, arguments);

    /// <summary>
    /// Starts the command on a terminal of its own, which closes when this process is killed (script(1) of util-linux, as on all distributions).
    /// </summary>
    public static CommandProcess StartOnTerminal(string? workingDirectory, params string[] arguments) =>
        Start("bash", ["-c", "TERM=xterm exec script -qfec \"$(printf '%q ' dotnet \"$@\")\" /dev/null", "bash"], workingDirectory, arguments);

    /// <summary>Starts the command as another user, without privileges (setpriv); null for the own one.</summary>
    public static CommandProcess StartAs(uint? user, string? workingDirectory, params string[] arguments) => user is { } id
        ? Start("setpriv", [$"--reuid={id}", $"--regid={id}", "--clear-groups", "--no-new-privs", "dotnet"], workingDirectory, arguments, foreign: true)
        : Start(workingDirectory, arguments);

    private static CommandProcess Start(string program, string[] before, string? workingDirectory, string[] arguments, bool foreign = false)
    {
        // A background job of a script ignores SIGINT, and so would all that it starts: the command is to have the signals of a terminal.
        var start = new ProcessStartInfo("env", ["--default-signal=INT,TERM,HUP", program])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
            UseShellExecute = false,
            WorkingDirectory = workingDirectory ?? Directory,
        };
        // Not the machine's own: tests run beside each other, and maybe beside a real host.
        var control = Path.Combine(Path.GetTempPath(), $"kvmi-policy-{Guid.NewGuid():N}.sock");
        start.Environment["KVMI_POLICY_CONTROL"] = control;
        foreach (var argument in before)
        {
            start.ArgumentList.Add(argument);
        }

        // What an earlier run of the tests compiled must not decide what this one sees.
        start.Environment["XDG_CACHE_HOME"] = foreign ? "" : CacheHome.Value;
        if (foreign)
        {
            // The other user can write to none of root's.
            start.Environment["HOME"] = "/nonexistent";
            start.Environment["DOTNET_CLI_HOME"] = "/nonexistent";
        }

        start.ArgumentList.Add(Path.Combine(Directory, "kvmi-policy.dll"));
        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        return new CommandProcess(Process.Start(start) ?? throw new InvalidOperationException("The command did not start."), control);
    }

    private static string MakeCacheHome()
    {
        var path = System.IO.Directory.CreateTempSubdirectory("kvmi-policy-cache-").FullName;
        AppDomain.CurrentDomain.ProcessExit += (_, _) => System.IO.Directory.Delete(path, recursive: true);
        return path;
    }

    /// <summary>Runs the command to its end.</summary>
    public static async Task<CommandResult> RunAsync(params string[] arguments) => await RunInAsync(null, arguments);

    /// <summary>Runs the command to its end in a directory.</summary>
    public static async Task<CommandResult> RunInAsync(string? workingDirectory, params string[] arguments)
    {
        await using var process = Start(workingDirectory, arguments);
        return await process.WaitForExitAsync();
    }

    /// <summary>Waits until a line of stdout contains a text, and gives that line.</summary>
    public async Task<string> WaitForLineAsync(string text, int from = 0)
    {
        using var limit = new CancellationTokenSource(Patience);
        while (true)
        {
            Task changed;
            lock (_lock)
            {
                if (_output.Skip(from).FirstOrDefault(line => line.Contains(text, StringComparison.Ordinal)) is { } found)
                {
                    return found;
                }

                changed = _changed.Task;
            }

            if (_outputEnd.IsCompleted && !changed.IsCompleted)
            {
                Assert.Fail($"The command ended without the line '{text}'.\n{Describe()}");
            }

            try
            {
                await Task.WhenAny(changed, _outputEnd).WaitAsync(limit.Token);
            }
            catch (OperationCanceledException)
            {
                Assert.Fail($"The line '{text}' did not come.\n{Describe()}");
            }
        }
    }

    /// <summary>Waits for the end.</summary>
    public async Task<CommandResult> WaitForExitAsync()
    {
        using var limit = new CancellationTokenSource(Patience);
        try
        {
            await _process.WaitForExitAsync(limit.Token);
            await Task.WhenAll(_outputEnd, _errorEnd).WaitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            Assert.Fail($"The command did not end.\n{Describe()}");
        }

        return new CommandResult(_process.ExitCode, Output, Errors);
    }

    /// <summary>Closes this side of the command's stdout: its next write finds nobody.</summary>
    public void CloseOutput() => _process.StandardOutput.Close();

    /// <summary>Asks for an orderly end: SIGTERM.</summary>
    public void Terminate() => Assert.Equal(0, Kill(_process.Id, 15));

    /// <summary>Sends any other signal.</summary>
    public void Signal(int number) => Assert.Equal(0, Kill(_process.Id, number));

    /// <summary>Ctrl-C: SIGINT.</summary>
    public void Interrupt() => Assert.Equal(0, Kill(_process.Id, 2));

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            await _process.WaitForExitAsync();
        }

        _process.Dispose();

        // One that was killed leaves it behind.
        File.Delete(_control);
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int Kill(int processId, int signal);

    // The tests lie in tests/NAME/bin/CONFIGURATION/FRAMEWORK; the command is built with the same configuration.
    private static string FindDirectory()
    {
        var own = new DirectoryInfo(AppContext.BaseDirectory);
        var root = own.Parent!.Parent!.Parent!.Parent!.Parent!.FullName;
        return Path.Combine(root, "src", "Kvmi.Policy.Host", "bin", own.Parent.Name, own.Name);
    }

    private string Describe() => $"stdout:\n{string.Join('\n', Output)}\nstderr:\n{Errors}";

    private static async Task<string?> NextLineAsync(StreamReader reader)
    {
        try
        {
            return await reader.ReadLineAsync();
        }
        catch (Exception e) when (e is ObjectDisposedException or IOException or InvalidOperationException)
        {
            // The test closed it.
            return null;
        }
    }

    private async Task PumpAsync(StreamReader reader, Action<string> take)
    {
        while (await NextLineAsync(reader) is { } line)
        {
            TaskCompletionSource changed;
            lock (_lock)
            {
                take(line);
                changed = _changed;
                _changed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            }

            changed.SetResult();
        }
    }
}
