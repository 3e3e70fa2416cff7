using System.Diagnostics;
using System.Reflection;
using System.Text.Json;
using Kvmi.Benchmarks.Children;

namespace Kvmi.Benchmarks.Contestants;

/// <summary>The kvmi-policy program as a user starts it: <c>run --listen unix:SOCKET --json</c>.</summary>
internal sealed class PolicyHostProcess
{
    // The program does not watch this one; if this one is killed, it still ends.
    private const string LongestRun = "20m";

    private readonly string _output;

    private PolicyHostProcess(ChildProcess process, string socket, string output, TimeSpan startTime)
    {
        _output = output;
        Process = process;
        Socket = socket;
        StartTime = startTime;
    }

    public ChildProcess Process { get; }

    public string Socket { get; }

    /// <summary>From the start of the process to the line that says that it listens, with its policies live.</summary>
    public TimeSpan StartTime { get; }

    /// <summary>The program file.</summary>
    /// <exception cref="BenchmarkException">It is not built.</exception>
    public static string Program()
    {
        var relative = typeof(PolicyHostProcess).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().First(data => data.Key == "PolicyHost").Value!;
        var path = Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, relative));
        if (!File.Exists(path))
        {
            // Tests have this assembly beside their own, and the program as well.
            path = Path.Combine(AppContext.BaseDirectory, "kvmi-policy.dll");
        }

        return File.Exists(path) ? path : throw new BenchmarkException("kvmi-policy.dll is not there: build src/Kvmi.Policy.Host first.");
    }

    /// <summary>Starts it and waits until it listens.</summary>
    /// <param name="bench">Where the process belongs to.</param>
    /// <param name="policies">Directory of policies.</param>
    /// <param name="options">Further options of run.</param>
    public static PolicyHostProcess Start(Bench bench, string policies, IReadOnlyList<string> options)
    {
        var socket = bench.Children.NewPath("h");
        var empty = Directory.CreateDirectory(bench.Children.NewPath("none")).FullName;
        string[] plugins = options.Contains("--plugins") ? [] : ["--plugins", empty];
        var output = bench.Children.NewPath("out");
        var started = Stopwatch.GetTimestamp();

        // Into a file: nothing of this program runs while the tool writes alerts.
        var process = bench.Children.Start(
            "sh",
            [
                "-c", "exec \"$@\" > \"$0\"", output,
                "dotnet", Program(), "run", "--json", "--for", LongestRun, "--listen", $"unix:{socket}", "--policies", policies, .. plugins,
                .. options.Contains("--state") ? Array.Empty<string>() : ["--state", bench.Children.NewPath("state")], .. options,
            ]);
        var host = new PolicyHostProcess(process, socket, output, default);
        host.WaitFor("\"status\":\"listening\"", 1);
        return new PolicyHostProcess(process, socket, output, Stopwatch.GetElapsedTime(started));
    }

    /// <summary>Waits until a text is in that many lines of the output.</summary>
    /// <exception cref="BenchmarkException">The process ended, or wrote nothing of the kind for minutes.</exception>
    public void WaitFor(string text, int lines)
    {
        var started = Stopwatch.GetTimestamp();
        while (!File.Exists(_output) || File.ReadLines(_output).Count(line => line.Contains(text, StringComparison.Ordinal)) < lines)
        {
            if (Process.HasEnded || Stopwatch.GetElapsedTime(started) > ChildProcess.Patience)
            {
                throw new BenchmarkException($"kvmi-policy did not write {text}. It wrote: {(File.Exists(_output) ? File.ReadAllText(_output) : "nothing")} {Process.Errors()}");
            }

            Thread.Sleep(1);
        }
    }

    /// <summary>Asks it to end, and reads its summary.</summary>
    public HostTotals End()
    {
        long events = 0, timeouts = 0, alerts = 0, owner = 0, allocated = 0, pause = 0, decision = 0, busiest = 0;
        IReadOnlyList<int> collections = [];
        Process.End(interrupt: true);
        foreach (var line in File.ReadLines(_output))
        {
            if (line.StartsWith("{\"type\":\"alert\"", StringComparison.Ordinal))
            {
                continue;
            }

            using var document = JsonDocument.Parse(line);
            var root = document.RootElement;
            if (Is(root, "status", "disconnected"))
            {
                owner += root.GetProperty("fields").GetProperty("allocatedBytes").GetInt64();
            }
            else if (Is(root, "summary", "policy") && root.GetProperty("events").GetInt64() is var count && count > busiest)
            {
                busiest = count;
                decision = root.GetProperty("p50Nanoseconds").GetInt64();
            }
            else if (Is(root, "summary", "run"))
            {
                events = root.GetProperty("events").GetInt64();
                timeouts = root.GetProperty("timeouts").GetInt64();
                alerts = root.GetProperty("alerts").GetInt64();
                allocated = root.GetProperty("allocatedBytes").GetInt64();
                pause = root.GetProperty("gcPauseMicroseconds").GetInt64();
                collections = [.. root.GetProperty("gcCollections").EnumerateArray().Select(value => value.GetInt32())];
            }
        }

        return new HostTotals(events, alerts, owner, allocated, collections, pause, decision) { Timeouts = timeouts };
    }

    /// <summary>How long the builds of all generations took, by what the program says.</summary>
    public IReadOnlyList<double> BuildMilliseconds()
    {
        List<double> times = [];
        foreach (var line in File.ReadLines(_output).Where(line => line.Contains("\"buildMilliseconds\"", StringComparison.Ordinal)))
        {
            using var document = JsonDocument.Parse(line);
            times.Add(document.RootElement.GetProperty("fields").GetProperty("buildMilliseconds").GetDouble());
        }

        return times;
    }

    private static bool Is(JsonElement root, string name, string value) => root.TryGetProperty(name, out var found) && found.ValueEquals(value);
}
