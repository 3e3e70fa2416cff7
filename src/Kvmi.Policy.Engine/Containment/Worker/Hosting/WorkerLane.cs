using System.Globalization;
using Kvmi.Policy.Engine.Code;
using Kvmi.Policy.Engine.Containment.Worker.Lane;
using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Runtime;
using Kvmi.Protocol.Events;

namespace Kvmi.Policy.Engine.Containment.Worker.Hosting;

/// <summary>
/// The untrusted policies of one VM and the worker that runs them. The owner thread of the VM hands an event over and waits,
/// answering what the policy asks in between. A worker that is late, dead or talks nonsense is ended, counts as one error of the
/// policy that was running, and is replaced after a while; its policies then start anew, without their state.
/// </summary>
internal sealed class WorkerLane : IDisposable
{
    private const int MaxProblem = 512;
    private readonly WorkerPool _pool;
    private readonly VmContext _context;
    private readonly WorkerRestart _restart;
    private readonly List<RemotePolicy> _policies = [];
    private readonly byte[] _message = new byte[LaneMemory.Capacity];
    private WorkerProcess? _process;
    private uint _sequence;

    public WorkerLane(WorkerPool pool, VmContext context, WorkerProcess process)
    {
        _pool = pool;
        _context = context;
        _process = process;
        _restart = new WorkerRestart(pool);
    }

    /// <summary>Process id of the worker; 0 while there is none.</summary>
    public int ProcessId => _process?.Id ?? 0;

    /// <summary>Creates a policy in the worker.</summary>
    /// <exception cref="PolicyInitializationException">Its code threw, or did not end in time.</exception>
    public void Attach(RemotePolicy policy)
    {
        try
        {
            var started = TimeProvider.System.GetTimestamp();
            Ensure(started, _pool.Settings.AttachLimit);
            Create(policy, started, _pool.Settings.AttachLimit);
            _policies.Add(policy);
        }
        catch (WorkerHandlerException exception)
        {
            // What the policy's own code threw is a whole sentence already.
            var isWhole = exception.Message.StartsWith("policy '", StringComparison.Ordinal);
            throw new PolicyInitializationException(isWhole ? exception.Message : $"policy '{policy.Id}': it {exception.Message}", exception);
        }
        finally
        {
            CloseIfEmpty();
        }
    }

    /// <summary>Asks a handler.</summary>
    /// <param name="policy">The policy.</param>
    /// <param name="subscription">Its subscription.</param>
    /// <param name="otherwise">What the decision carries when the handler gave one for "otherwise".</param>
    /// <param name="frame">The event.</param>
    /// <param name="isOtherwise">Asks that one instead.</param>
    /// <exception cref="WorkerHandlerException">There is no answer that counts.</exception>
    public Decision Decide(RemotePolicy policy, ushort subscription, Delegate otherwise, in EventFrame frame, bool isOtherwise)
    {
        // Before the session's own deadline: this thread comes back and is not abandoned.
        var limit = policy.Timeout * 0.9 < _pool.Settings.HandlerLimit ? policy.Timeout * 0.9 : _pool.Settings.HandlerLimit;
        var started = TimeProvider.System.GetTimestamp();
        Ensure(started, limit);
        var writer = _process!.Memory.Write();
        writer.Begin(isOtherwise ? LaneCode.DecideOtherwise : LaneCode.Decide, ++_sequence);
        WriteMoment(ref writer, policy);
        writer.U16(subscription);
        writer.U64((ulong)_context.Event.Number);
        writer.U8((byte)_context.Vm.Capabilities.Dialect);
        writer.Bytes(frame.Message);
        var reader = Converse(policy, writer.Length, in frame, hasEvent: true, started, limit, LaneCode.Decided);

        var kind = reader.U8();
        var value = reader.U64();
        var exception = new GuestException(reader.U8(), reader.U32(), reader.U64());
        var hasOtherwise = reader.U8() != 0;
        if (!reader.IsWhole || kind > (byte)DecisionKind.Crash)
        {
            throw Died(policy, "gave an answer that makes no sense");
        }

        return Decision(kind, value, exception, hasOtherwise ? otherwise : null);
    }

    /// <summary>Ends a policy in the worker; the last one ends the worker.</summary>
    public void Detach(RemotePolicy policy)
    {
        try
        {
            if (_policies.Remove(policy) && _process is { } process)
            {
                var writer = process.Memory.Write();
                writer.Begin(LaneCode.Detach, ++_sequence);
                WriteMoment(ref writer, policy);
                Converse(
                    policy,
                    writer.Length,
                    default,
                    hasEvent: false,
                    TimeProvider.System.GetTimestamp(),
                    PolicyBudget.DetachTimeout * 0.9,
                    LaneCode.Done);
            }
        }
        finally
        {
            CloseIfEmpty();
        }
    }

    public void Dispose()
    {
        _restart.Dispose();
        if (_process is { } process)
        {
            _process = null;
            _pool.End(process);
        }
    }

    private static Decision Decision(byte kind, ulong value, GuestException exception, Delegate? otherwise) => (DecisionKind)kind switch
    {
        DecisionKind.Retry => Policy.Decision.Retry,
        DecisionKind.Set => Policy.Decision.Set(value),
        DecisionKind.Keep => Policy.Decision.Keep(value),
        DecisionKind.Skip => Policy.Decision.Skip(otherwise),
        DecisionKind.Inject => Policy.Decision.Inject(exception, otherwise),
        DecisionKind.Crash => Policy.Decision.Crash(otherwise),
        _ => Policy.Decision.Allow,
    };

    private void CloseIfEmpty()
    {
        if (_policies.Count == 0)
        {
            _pool.Close(_context);
        }
    }

    private void Create(RemotePolicy policy, long started, TimeSpan limit)
    {
        policy.FactsInUse.Clear();
        var writer = _process!.Memory.Write();
        writer.Begin(LaneCode.Create, ++_sequence);
        WriteMoment(ref writer, policy);
        writer.Text(_context.Guest.Name, 256);
        _context.Guest.Uuid.TryWriteBytes(writer.Reserve(16));
        if (!Converse(policy, writer.Length, default, hasEvent: false, started, limit, LaneCode.Created).IsWhole)
        {
            throw Died(policy, "gave an answer that makes no sense");
        }
    }

    // The policy's clock stands still during one run.
    private void WriteMoment(ref LaneWriter writer, RemotePolicy policy)
    {
        writer.U16(policy.Index);
        writer.U64((ulong)_context.Clock.UtcNow.UtcTicks);
        writer.U64((ulong)_context.Clock.SinceAttach.Ticks);
        writer.U32((uint)_context.Guest.VcpuCount);
    }

    private LaneReader Converse(
        RemotePolicy policy, int length, in EventFrame frame, bool hasEvent, long started, TimeSpan limit, LaneCode expected)
    {
        var process = _process!;
        try
        {
            while (true)
            {
                process.Memory.Hand(LaneSide.Worker, length);
                _pool.Census.CountMessage();
                var left = limit - TimeProvider.System.GetElapsedTime(started);
                if (left <= TimeSpan.Zero || !process.WaitForHostTurn(left))
                {
                    throw process.HasExited()
                        ? Died(policy, $"lost its worker: {process.Describe()}", WorkerEnd.Dead)
                        : Died(policy, string.Create(CultureInfo.InvariantCulture, $"did not answer within {limit.TotalMilliseconds:0} ms"), WorkerEnd.Late);
                }

                var received = process.Memory.Receive(_message);
                var reader = new LaneReader(_message.AsSpan(0, Math.Max(received, 0)));
                var code = (LaneCode)reader.U8();
                if (received < 0 || reader.U32() != _sequence)
                {
                    throw Died(policy, "gave an answer that makes no sense");
                }

                if (code == expected || code == LaneCode.Failed)
                {
                    return Finish(policy, reader, hasEvent, code);
                }

                var writer = process.Memory.Write();
                if (!WorkerCalls.Answer(code, ref reader, policy, in frame, hasEvent, _sequence, ref writer))
                {
                    throw Died(policy, "asked for something that makes no sense");
                }

                length = writer.Length;
            }
        }
        catch (Exception exception) when (exception is not WorkerHandlerException && ReferenceEquals(_process, process))
        {
            // The connection of the VM was lost under a question: the worker waits for an answer that never comes.
            throw Abandon(process, exception);
        }
    }

    private LaneReader Finish(RemotePolicy policy, LaneReader reader, bool hasEvent, LaneCode code)
    {
        var check = reader;
        if (!WorkerEffects.Read(ref check, policy, hasEvent, apply: false))
        {
            throw Died(policy, "gave an answer that makes no sense");
        }

        WorkerEffects.Read(ref reader, policy, hasEvent, apply: true);
        if (code == LaneCode.Failed)
        {
            var problem = reader.Text(MaxProblem);
            throw reader.IsWhole ? new WorkerHandlerException(problem) : Died(policy, "gave an answer that makes no sense");
        }

        return reader;
    }

    private Exception Abandon(WorkerProcess process, Exception exception)
    {
        _process = null;
        _pool.End(process);
        _restart.Begin();
        return exception;
    }

    private WorkerHandlerException Died(RemotePolicy policy, string problem, WorkerEnd end = WorkerEnd.Nonsense)
    {
        if (_process is { } process)
        {
            _process = null;
            _pool.End(process);
            _pool.Census.CountEnd(end);
            var wait = _restart.Begin();
            _context.Status(
                "worker-ended",
                policy.Id,
                string.Create(CultureInfo.InvariantCulture, $"The worker of the untrusted policies was ended because {policy.Id} {problem}; what they ")
                + string.Create(CultureInfo.InvariantCulture, $"remembered of this VM is lost. The next worker starts in {wait.TotalMilliseconds:0} ms."));
        }

        return new WorkerHandlerException(problem, isLate: end == WorkerEnd.Late);
    }

    private void Ensure(long started, TimeSpan limit)
    {
        if (_process is not null)
        {
            return;
        }

        if (_restart.TryTake(out var problem) is not { } process)
        {
            if (problem is not null)
            {
                _context.Status("worker-failed", null, $"The worker of the untrusted policies does not start again: {problem}.");
            }

            throw new WorkerHandlerException("has no worker at the moment", isAway: true);
        }

        _process = process;
        _pool.Census.CountRestart();
        foreach (var policy in _policies)
        {
            Create(policy, started, limit);
        }

        _context.Status(
            "worker-restarted", null, $"The untrusted policies of this VM run again, in worker {process.Id} (restart {_restart.Count}).");
    }
}
