using System.Runtime.InteropServices;

namespace Kvmi.Benchmarks.Children;

/// <summary>
/// The processes and files of one benchmark run: a private directory for sockets, programs and policies, and every process that was started.
/// All of them end with it, also at Ctrl-C and SIGTERM. Safe for threads.
/// </summary>
internal sealed class ChildProcesses : IDisposable
{
    private readonly Lock _lock = new();
    private readonly Lock _ending = new();
    private readonly List<ChildProcess> _children = [];
    private readonly List<PosixSignalRegistration> _signals = [];
    private int _number;

    public ChildProcesses()
    {
        // Directory.CreateTempSubdirectory makes it for its owner only.
        Root = Directory.CreateTempSubdirectory("kvmi-bench-").FullName;
        foreach (var signal in (ReadOnlySpan<PosixSignal>)[PosixSignal.SIGINT, PosixSignal.SIGTERM])
        {
            _signals.Add(PosixSignalRegistration.Create(signal, context =>
            {
                context.Cancel = true;

                // Whoever measures meets the end of its processes meanwhile, and waits here for the end of this one.
                lock (_ending)
                {
                    Dispose();
                    Environment.Exit(128 + (signal == PosixSignal.SIGINT ? 2 : 15));
                }
            }));
        }
    }

    /// <summary>The private directory.</summary>
    public string Root { get; }

    /// <summary>A path in the private directory that nobody else has got.</summary>
    public string NewPath(string name) => Path.Combine(Root, $"{Interlocked.Increment(ref _number)}-{name}");

    /// <summary>Starts a program; its standard streams are pipes.</summary>
    /// <exception cref="BenchmarkException">It cannot be started.</exception>
    public ChildProcess Start(string program, params IReadOnlyList<string> arguments)
    {
        var child = new ChildProcess(program, arguments, Path.Combine(Root, "cache"));
        lock (_lock)
        {
            _children.Add(child);
        }

        return child;
    }

    public void Dispose()
    {
        lock (_ending)
        {
            End();
        }
    }

    private void End()
    {
        ChildProcess[] children;
        lock (_lock)
        {
            children = [.. _children];
            _children.Clear();
        }

        foreach (var child in children)
        {
            child.Dispose();
        }

        foreach (var signal in _signals)
        {
            signal.Dispose();
        }

        if (Directory.Exists(Root))
        {
            Directory.Delete(Root, recursive: true);
        }
    }
}
