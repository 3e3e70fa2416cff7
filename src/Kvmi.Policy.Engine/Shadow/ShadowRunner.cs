using Kvmi.Guest.Memory;
using Kvmi.Policy.Engine.Containment.Metering;
using Kvmi.Policy.Engine.Decisions;
using Kvmi.Policy.Engine.Dispatch;
using Kvmi.Policy.Engine.Generations;
using Kvmi.Policy.Engine.Output;
using Kvmi.Policy.Engine.Runtime;
using Kvmi.Policy.Engine.Summary;
using Kvmi.Protocol;
using Kvmi.Protocol.Dialects;
using Kvmi.Protocol.Events;
using Kvmi.Protocol.Registers;
using Kvmi.Session.Vm;

namespace Kvmi.Policy.Engine.Shadow;

/// <summary>
/// The shadow of one VM: a thread with an engine of its own that decides about copies of the VM's events. The VM's thread pays for a copy and never waits:
/// what the shadow has no room for is counted and left out. A shadow that hangs keeps nothing but its own thread.
/// </summary>
internal sealed class ShadowRunner : IOutputSink, IDisposable
{
    private const int Slots = 64;
    private static readonly TimeSpan HangsAfter = TimeSpan.FromSeconds(1);

    private readonly ShadowSlot[] _slots = new ShadowSlot[Slots];
    private readonly AutoResetEvent _wake = new(false);
    private readonly ShadowBook _book;
    private readonly ShadowVm _vm;
    private readonly Dialect _dialect;
    private readonly EngineServices _live;
    private readonly Thread _thread;
    private PolicyEngine? _engine;
    private long _written;
    private long _read;
    private long _busySince;
    private bool _sleeping;
    private bool _stop;

    /// <summary>Starts the shadow of a VM. On its owner thread.</summary>
    public ShadowRunner(ShadowBook book, IIntrospectedVm vm, string name, EngineServices live)
    {
        _book = book;
        _live = live;
        Vm = name;
        _vm = new ShadowVm(vm.Identity, vm.Capabilities, vm.VcpuCount);
        _dialect = Dialect.Find(vm.Capabilities.Dialect)!;
        for (var i = 0; i < Slots; i++)
        {
            _slots[i] = new ShadowSlot();
        }

        book.Add(this);
        _thread = new Thread(Run, PolicyThread.StackSize) { IsBackground = true, Name = "policy shadow" };
        _thread.Start();
    }

    public string Vm { get; }

    public ShadowBook Book => _book;

    /// <summary>In one event, or in the start of its policies, for more than a second.</summary>
    public bool IsHanging => Volatile.Read(ref _busySince) is var since and not 0 && _live.Time.GetElapsedTime(since) > HangsAfter;

    /// <summary>An event was decided. On the VM's owner thread: copies, and returns at once.</summary>
    public void Offer(in EventFrame frame, EventOutcome outcome, PageCache memory)
    {
        var written = _written;
        if (written - Volatile.Read(ref _read) == Slots)
        {
            _book.Skip();
            return;
        }

        _slots[written % Slots].Fill(in frame, outcome, memory);
        Volatile.Write(ref _written, written + 1);

        // The store above and the look below must not change places: the other side looks before it sleeps.
        Interlocked.MemoryBarrier();
        if (Volatile.Read(ref _sleeping))
        {
            _wake.Set();
        }
    }

    /// <summary>Ends the shadow when its thread comes back. Any thread; does not wait.</summary>
    public void Stop()
    {
        Volatile.Write(ref _stop, true);
        _wake.Set();
    }

    /// <summary>As <see cref="Stop"/>. The event is left to the finalizer: the thread may be about to wait for it.</summary>
    public void Dispose() => Stop();

    /// <summary>What its policies did.</summary>
    public IReadOnlyList<PolicySummary> Summary() => Volatile.Read(ref _engine)?.GetSummary().Policies ?? [];

    void IOutputSink.Write(OutputRecord record)
    {
        // Alerts and decisions are counted by the engine; nobody is told what did not happen.
        if (record is StatusOutput { Status: "refused" or "policy-error" or "quarantined" or "timeout" } status)
        {
            _book.Report($"{Vm}: {status.Message}");
        }
    }

    private void Run()
    {
        // The hold may be gone already: promoted or discarded before this thread began.
        if (!_book.Generation.TryAcquire())
        {
            return;
        }

        var engine = new PolicyEngine(new PolicyEngineOptions { Output = this, TimeProvider = _live.Time, HashSeed = _live.HashSeed });
        engine.Follow(_live);
        Volatile.Write(ref _engine, engine);
        VmPolicyHandler? handler = null;
        try
        {
            engine.Swap(OwnCounters(_book.Generation));
            handler = (VmPolicyHandler)engine.Create(_vm);
            Volatile.Write(ref _busySince, _live.Time.GetTimestamp());
            handler.Attached();
            Volatile.Write(ref _busySince, 0);
            while (!Volatile.Read(ref _stop))
            {
                if (!TryNext(engine, handler))
                {
                    Sleep();
                }
            }
        }
        catch (Exception exception)
        {
            // Other people's code on a thread of its own: whatever it throws ends the shadow and nothing else.
            _book.Report($"{Vm}: the shadow ended with {exception.GetType().Name}: {exception.Message}");
        }

        Volatile.Write(ref _busySince, 0);
        End(engine, handler);
    }

    private void End(PolicyEngine engine, VmPolicyHandler? handler)
    {
        try
        {
            handler?.Detaching(DetachReason.Stopping);
        }
        catch (Exception exception)
        {
            _book.Report($"{Vm}: the shadow's end failed with {exception.GetType().Name}: {exception.Message}");
        }

        engine.Dispose();
    }

    private bool TryNext(PolicyEngine engine, VmPolicyHandler handler)
    {
        var read = _read;
        if (read == Volatile.Read(ref _written))
        {
            return false;
        }

        var slot = _slots[read % Slots];
        engine.Follow(_live);
        Volatile.Write(ref _busySince, _live.Time.GetTimestamp());
        if (_dialect.ReadEvent(slot.Message, out var frame) == DecodeStatus.Ok)
        {
            Decide(handler, in frame, slot);
        }

        Volatile.Write(ref _busySince, 0);
        Volatile.Write(ref _read, read + 1);
        return true;
    }

    private void Decide(VmPolicyHandler handler, in EventFrame frame, ShadowSlot slot)
    {
        var state = new VcpuState { Mode = frame.Mode, Regs = frame.Regs, Sregs = frame.Sregs, Msrs = frame.Msrs };
        _vm.Begin(frame.Vcpu, in state, slot);
        var live = slot.Live;
        var reply = new EventReply { NewValue = frame.NewValue };
        handler.OnEvent(in frame, ref reply);
        var shadow = ShadowVote.Of(handler.LastOutcome);
        if (_vm.Missed > 0)
        {
            _book.CountIncomplete();
        }
        else if (shadow.IsSameAs(in live))
        {
            _book.CountSame();
        }
        else
        {
            var facts = new EventFacts(in frame);
            _book.Differ(new ShadowDifference(
                0, _live.Time.GetUtcNow(), Vm, frame.Vcpu, frame.Kind, facts.Rip, Subject(in facts), live, shadow, handler.LastOutcome.Reason));
        }
    }

    private void Sleep()
    {
        Volatile.Write(ref _sleeping, true);
        Interlocked.MemoryBarrier();
        if (_read == Volatile.Read(ref _written) && !Volatile.Read(ref _stop))
        {
            _wake.WaitOne();
        }

        Volatile.Write(ref _sleeping, false);
    }

    private static string Subject(in EventFacts facts) => facts.Kind switch
    {
        EventKind.Cr => $"cr{facts.Number} 0x{facts.Old:x} -> 0x{facts.New:x}",
        EventKind.Msr => $"msr 0x{facts.Number:x} 0x{facts.Old:x} -> 0x{facts.New:x}",
        EventKind.PageFault => $"gpa 0x{facts.Gpa:x}",
        EventKind.Breakpoint => $"gpa 0x{facts.Gpa:x}",
        _ => $"rip 0x{facts.Rip:x}",
    };

    // The counters of the live policies are theirs.
    private static Generation OwnCounters(Generation generation) => new(
        generation.Number,
        [.. generation.Policies.Select(policy => policy with { Statistics = new PolicyStatistics(policy.Definition.Id) })],
        new Hold(generation));

    private sealed class Hold(Generation generation) : IDisposable
    {
        public void Dispose() => generation.Release();
    }
}
