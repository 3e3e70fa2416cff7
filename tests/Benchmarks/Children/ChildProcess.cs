using System.Collections.Concurrent;
using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace Kvmi.Benchmarks.Children;

/// <summary>A process that this one started, with its lines of output.</summary>
internal sealed class ChildProcess : IDisposable
{
    /// <summary>How long a process may say nothing.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);
    private readonly Process _process;
    private readonly string _name;
    private readonly BlockingCollection<string> _lines = [];
    private readonly StringBuilder _errors = new();

    public ChildProcess(string program, IReadOnlyList<string> arguments, string cacheHome)
    {
        _name = Path.GetFileName(program);
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };

        // What is kept between starts ends with the run, and nothing of earlier runs is found.
        start.Environment["XDG_CACHE_HOME"] = cacheHome;

        // Not inherited from whoever measures: the process is to run as a user's would.
        foreach (var name in start.Environment.Keys.Where(key => key.StartsWith("DOTNET_", StringComparison.Ordinal)
            && key is not ("DOTNET_ROOT" or "DOTNET_CLI_HOME")).ToList())
        {
            start.Environment.Remove(name);
        }

        try
        {
            _process = Process.Start(start) ?? throw new BenchmarkException($"{program} cannot be started.");
        }
        catch (Win32Exception exception)
        {
            throw new BenchmarkException($"{program} cannot be started: {exception.Message}.", exception);
        }

        _process.ErrorDataReceived += (_, line) =>
        {
            lock (_errors)
            {
                // A program that complains about every event must not fill the memory of the one that measures it.
                if (line.Data is not null && _errors.Length < 16_384)
                {
                    _errors.AppendLine(line.Data);
                }
            }
        };
        _process.OutputDataReceived += (_, line) =>
        {
            if (line.Data is null)
            {
                _lines.CompleteAdding();
            }
            else
            {
                _lines.Add(line.Data);
            }
        };
        _process.BeginErrorReadLine();
        _process.BeginOutputReadLine();
    }

    /// <summary>The kernel's number of the process.</summary>
    public int Id => _process.Id;

    /// <summary>True when it has ended.</summary>
    public bool HasEnded => _process.HasExited;

    /// <summary>Sends one line.</summary>
    public void Write(string line)
    {
        try
        {
            _process.StandardInput.WriteLine(line);
            _process.StandardInput.Flush();
        }
        catch (IOException exception)
        {
            throw Ended(exception);
        }
    }

    /// <summary>Waits for the next line that is wanted, and drops those before it.</summary>
    /// <exception cref="BenchmarkException">The process ended, or said nothing of the kind for minutes.</exception>
    public string WaitFor(Func<string, bool> isWanted)
    {
        while (_lines.TryTake(out var line, Patience))
        {
            if (isWanted(line))
            {
                return line;
            }
        }

        throw _lines.IsCompleted ? Ended(null) : new BenchmarkException($"{_name} does not answer. It wrote: {Errors()}");
    }

    /// <summary>
    /// Closes standard input, or sends SIGTERM, and waits for the end. Not SIGINT: who measures in the background of a script ignores it, and so do its children.
    /// </summary>
    /// <returns>The lines that were not taken before.</returns>
    public IReadOnlyList<string> End(bool interrupt)
    {
        if (interrupt)
        {
            using var kill = Process.Start("kill", ["-TERM", Id.ToString(CultureInfo.InvariantCulture)]);
            kill.WaitForExit();
        }
        else
        {
            _process.StandardInput.Close();
        }

        if (!_process.WaitForExit(Patience))
        {
            throw new BenchmarkException($"{_name} does not end. It wrote: {Errors()}");
        }

        _process.WaitForExit();
        return _process.ExitCode == 0
            ? [.. _lines.GetConsumingEnumerable()]
            : throw new BenchmarkException($"{_name} ended with {_process.ExitCode}. It wrote: {Errors()}");
    }

    /// <summary>Processor time of all living threads so far, in nanoseconds as the scheduler counts it.</summary>
    public long ProcessorNanoseconds()
    {
        var sum = 0L;
        foreach (var task in Directory.EnumerateDirectories($"/proc/{Id}/task"))
        {
            try
            {
                var text = File.ReadAllText($"{task}/schedstat");
                sum += long.Parse(text.AsSpan(0, text.IndexOf(' ', StringComparison.Ordinal)), CultureInfo.InvariantCulture);
            }
            catch (Exception exception) when (exception is DirectoryNotFoundException or FileNotFoundException or IOException)
            {
                // The thread has ended meanwhile.
            }
        }

        return sum;
    }

    /// <summary>Resident memory in bytes.</summary>
    public long ResidentBytes()
    {
        var line = File.ReadLines($"/proc/{Id}/status").First(line => line.StartsWith("VmRSS:", StringComparison.Ordinal));
        return 1024 * long.Parse(line.AsSpan(6).Trim().ToString().Split(' ')[0], CultureInfo.InvariantCulture);
    }

    public void Dispose()
    {
        try
        {
            _process.Kill();
        }
        catch (InvalidOperationException)
        {
            // It has ended already.
        }

        _process.WaitForExit();
        _process.Dispose();
    }

    private BenchmarkException Ended(Exception? cause)
    {
        _process.WaitForExit();
        return new BenchmarkException($"{_name} ended with {_process.ExitCode}. It wrote: {Errors()}", cause);
    }

    /// <summary>What it wrote on standard error.</summary>
    public string Errors()
    {
        lock (_errors)
        {
            return _errors.Length == 0 ? "nothing." : _errors.ToString();
        }
    }
}
