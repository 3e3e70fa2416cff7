using System.Collections.Concurrent;
using System.Globalization;
using System.Runtime.InteropServices;

namespace Kvmi.Policy.Engine.Containment.Worker.Hosting;

/// <summary>
/// Starts worker processes, all on one thread that lives as long as the host: the kernel ends a worker with the thread that
/// started it (PR_SET_PDEATHSIG), not with the process.
/// </summary>
internal static unsafe class WorkerSpawner
{
    private const int DuplicateAndCloseOnExec = 1030;
    private const int FirstFree = 10;
    private const int ReadWriteCloseOnExec = 0x80002;

    // More than any glibc or musl needs for posix_spawn_file_actions_t.
    private const int ActionsSize = 512;

    private static readonly Lazy<BlockingCollection<Action>> Jobs = new(StartThread);

    /// <summary>Starts a worker with the given descriptors and nothing else of the host's.</summary>
    /// <param name="settings">The program.</param>
    /// <param name="lane">Becomes <see cref="WorkerMain.LaneDescriptor"/>.</param>
    /// <param name="payload">Becomes <see cref="WorkerMain.PayloadDescriptor"/>.</param>
    /// <param name="words">Becomes its stdout and stderr.</param>
    /// <returns>The process id.</returns>
    /// <exception cref="WorkerStartException">The system refuses.</exception>
    public static int Spawn(WorkerSettings settings, int lane, int payload, int words)
    {
        var done = new TaskCompletionSource<int>(TaskCreationOptions.RunContinuationsAsynchronously);
        Jobs.Value.Add(() =>
        {
            try
            {
                done.SetResult(SpawnHere(settings, lane, payload, words));
            }
            catch (WorkerStartException exception)
            {
                done.SetException(exception);
            }
        });
        return done.Task.GetAwaiter().GetResult();
    }

    private static BlockingCollection<Action> StartThread()
    {
        var jobs = new BlockingCollection<Action>();
        var thread = new Thread(() =>
        {
            foreach (var job in jobs.GetConsumingEnumerable())
            {
                job();
            }
        })
        {
            IsBackground = true,
            Name = "worker starts",
        };
        thread.Start();
        return jobs;
    }

    private static int SpawnHere(WorkerSettings settings, int lane, int payload, int words)
    {
        var open = new List<int>();
        var strings = new List<nint>();
        var actions = stackalloc byte[ActionsSize];
        if (NativeMethods.InitActions(actions) != 0)
        {
            throw new WorkerStartException("there is no memory to start a process");
        }

        try
        {
            // Above all targets first: a target must not be overwritten before it was copied.
            int Moved(int descriptor)
            {
                var copy = NativeMethods.Fcntl(descriptor, DuplicateAndCloseOnExec, FirstFree);
                open.Add(copy >= 0 ? copy : throw new WorkerStartException($"a descriptor cannot be passed on: {NativeMethods.LastError()}"));
                return copy;
            }

            var nothing = NativeMethods.Open("/dev/null", ReadWriteCloseOnExec, 0);
            if (nothing < 0)
            {
                throw new WorkerStartException($"/dev/null cannot be opened: {NativeMethods.LastError()}");
            }

            open.Add(nothing);
            var output = Moved(words);
            Check(NativeMethods.AddDup2(actions, Moved(nothing), 0));
            Check(NativeMethods.AddDup2(actions, output, 1));
            Check(NativeMethods.AddDup2(actions, output, 2));
            Check(NativeMethods.AddDup2(actions, Moved(lane), WorkerMain.LaneDescriptor));
            Check(NativeMethods.AddDup2(actions, Moved(payload), WorkerMain.PayloadDescriptor));
            Check(NativeMethods.AddCloseFrom(actions, WorkerMain.PayloadDescriptor + 1));

            var arguments = List([settings.Program, .. settings.Arguments], strings);
            var environment = List(Environment(settings), strings);
            int process;
            fixed (byte** argumentPointers = arguments, environmentPointers = environment)
            {
                Check(NativeMethods.Spawn(&process, argumentPointers[0], actions, null, argumentPointers, environmentPointers));
            }

            return process;
        }
        catch (EntryPointNotFoundException exception)
        {
            throw new WorkerStartException($"this C library cannot start a process without the host's descriptors: {exception.Message}");
        }
        finally
        {
            _ = NativeMethods.DestroyActions(actions);
            open.ForEach(descriptor => _ = NativeMethods.Close(descriptor));
            strings.ForEach(Marshal.FreeCoTaskMem);
        }

        void Check(int error)
        {
            if (error != 0)
            {
                throw new WorkerStartException($"{settings.Program} cannot be started: {Marshal.GetPInvokeErrorMessage(error)}");
            }
        }
    }

    private static byte*[] List(string[] texts, List<nint> strings)
    {
        var pointers = new byte*[texts.Length + 1];
        for (var i = 0; i < texts.Length; i++)
        {
            var text = Marshal.StringToCoTaskMemUTF8(texts[i]);
            strings.Add(text);
            pointers[i] = (byte*)text;
        }

        return pointers;
    }

    // All that the worker's environment has. Write-xor-execute needs descriptors that stay open, diagnostics a socket and a thread.
    private static string[] Environment(WorkerSettings settings) =>
    [
        $"{WorkerMain.Mark}=1",
        $"DOTNET_ROOT={DotnetRoot()}",
        string.Create(CultureInfo.InvariantCulture, $"DOTNET_GCHeapHardLimit={settings.Memory:x}"),
        "DOTNET_gcServer=0",
        "DOTNET_gcConcurrent=0",
        "DOTNET_EnableDiagnostics=0",
        "DOTNET_EnableWriteXorExecute=0",
        "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1",
    ];

    // The runtime lies in ROOT/shared/NAME/VERSION/.
    private static string DotnetRoot() => Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", ".."));
}
