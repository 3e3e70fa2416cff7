using Kvmi.Policy.Engine.Containment.Worker.Lane;
using Kvmi.Policy.Engine.Runtime;
using Microsoft.Win32.SafeHandles;

namespace Kvmi.Policy.Engine.Containment.Worker.Hosting;

/// <summary>
/// The workers of one generation: one for each VM that its untrusted policies serve, and spare ones that are warm before the
/// generation goes live. Disposing ends all of them. Thread-safe.
/// </summary>
internal sealed class WorkerPool : IDisposable
{
    private static readonly TimeSpan EndLimit = TimeSpan.FromSeconds(5);

    // A VM that has no spare worker waits for one; a policy's start as a whole has PolicyBudget.StartTimeout.
    private static readonly TimeSpan LateStartLimit = TimeSpan.FromSeconds(2.5);

    private readonly Lock _gate = new();
    private readonly SafeFileHandle _payload;
    private readonly Stack<WorkerProcess> _spare = new();
    private readonly Dictionary<VmContext, WorkerLane> _lanes = [];
    private readonly List<Task> _ends = [];
    private bool _disposed;

    /// <summary>Makes a pool without workers.</summary>
    /// <exception cref="WorkerStartException">There is no memory for the payload.</exception>
    public WorkerPool(WorkerSettings settings, WorkerPayload payload, TimeProvider time, WorkerCensus census)
    {
        Settings = settings;
        Time = time;
        Census = census;
        var bytes = payload.ToBytes();
        _payload = new SafeFileHandle(LaneMemory.SealedFile("kvmi-policy-code", Math.Max(bytes.Length, 1)), ownsHandle: true);
        RandomAccess.Write(_payload, bytes, 0);
    }

    public WorkerSettings Settings { get; }

    public TimeProvider Time { get; }

    /// <summary>Counts the workers of all pools.</summary>
    public WorkerCensus Census { get; }

    /// <summary>Starts one spare worker for each VM that has one now, and at least one.</summary>
    /// <returns>What the first said.</returns>
    /// <exception cref="WorkerStartException">A worker does not start.</exception>
    public WorkerReport WarmUp()
    {
        var report = Spare();
        for (var more = Census.Lanes - 1; more > 0; more--)
        {
            Spare();
        }

        return report;
    }

    /// <summary>The lane of a VM.</summary>
    /// <exception cref="WorkerStartException">It needs a worker, and that does not start.</exception>
    public WorkerLane LaneOf(VmContext context)
    {
        WorkerProcess? process;
        lock (_gate)
        {
            if (_lanes.TryGetValue(context, out var lane))
            {
                return lane;
            }

            _spare.TryPop(out process);
        }

        var made = new WorkerLane(this, context, process ?? Start(LateStartLimit, out _));
        lock (_gate)
        {
            // Only the VM's own thread asks for its lane, so nobody was faster.
            _lanes.Add(context, made);
        }

        Census.Add(1);
        return made;
    }

    /// <summary>Ends the lane of a VM.</summary>
    public void Close(VmContext context)
    {
        WorkerLane? lane;
        lock (_gate)
        {
            _lanes.Remove(context, out lane);
        }

        if (lane is not null)
        {
            Census.Add(-1);
            lane.Dispose();
        }
    }

    /// <summary>Starts a worker and waits until it is ready.</summary>
    /// <param name="limit">Longest wait.</param>
    /// <param name="report">What it said.</param>
    /// <exception cref="WorkerStartException">It does not start, or is not confined as it must be.</exception>
    public WorkerProcess Start(TimeSpan limit, out WorkerReport report)
    {
        var succeeded = false;
        try
        {
            var process = WorkerProcess.Start(Settings, _payload);
            try
            {
                report = ReadReport(process, limit);
                if (report.Weaknesses.Count > 0 && !Settings.AllowWeak)
                {
                    throw new WorkerStartException("it cannot be confined here: " + string.Join("; ", report.Weaknesses));
                }

                succeeded = true;
                return process;
            }
            catch
            {
                End(process);
                throw;
            }
        }
        finally
        {
            Census.CountStart(succeeded);
        }
    }

    /// <summary>Ends a process in the background; for the thread that used it.</summary>
    public void End(WorkerProcess process)
    {
        var end = process.End();
        process.Release();
        lock (_gate)
        {
            _ends.RemoveAll(task => task.IsCompleted);
            _ends.Add(end);
        }
    }

    public void Dispose()
    {
        List<WorkerLane> lanes;
        List<WorkerProcess> spare;
        lock (_gate)
        {
            if (_disposed)
            {
                return;
            }

            _disposed = true;
            lanes = [.. _lanes.Values];
            spare = [.. _spare];
            _lanes.Clear();
            _spare.Clear();
        }

        Census.Add(-lanes.Count);
        lanes.ForEach(lane => lane.Dispose());
        spare.ForEach(End);
        Task[] ends;
        lock (_gate)
        {
            ends = [.. _ends];
        }

        Task.WaitAll(ends, EndLimit);
        _payload.Dispose();
    }

    private WorkerReport Spare()
    {
        var process = Start(Settings.StartLimit, out var report);
        lock (_gate)
        {
            _spare.Push(process);
        }

        return report;
    }

    private static WorkerReport ReadReport(WorkerProcess process, TimeSpan limit)
    {
        if (!process.WaitForHostTurn(limit))
        {
            throw new WorkerStartException(process.HasExited()
                ? $"its {process.Describe()}"
                : $"it was not ready within {limit.TotalSeconds:0.#} s; {process.Describe()}");
        }

        var message = new byte[LaneMemory.Capacity];
        var length = process.Memory.Receive(message);
        return length < 0 || WorkerReport.Read(message.AsSpan(0, length)) is not { } report
            ? throw new WorkerStartException("its first message makes no sense")
            : report;
    }
}
