using System.Collections.Concurrent;
using Kvmi.Protocol;
using Kvmi.Protocol.Events;
using Kvmi.Session.Vm;

namespace Kvmi.Conformance.Tests.Soak;

/// <summary>
/// A tool that does as much at random as the dialect offers, inside events and between them, and knows the right result of every command.
/// Events arm and decide here, commands in <c>.Commands</c>.
/// </summary>
internal sealed partial class SoakHandler : IVmHandlerFactory, IVmHandler
{
    private const uint Lstar = 0xC000_0082;
    private const int MostViolations = 20;
    private static readonly EventKind[] Armed =
    [
        EventKind.Cr, EventKind.Msr, EventKind.Breakpoint, EventKind.Hypercall, EventKind.PageFault, EventKind.Descriptor, EventKind.Xsetbv,
        EventKind.Cpuid, EventKind.Singlestep, EventKind.Trap,
    ];

    private readonly Random _random;
    private readonly ulong _guardedPage;
    private readonly Dictionary<EventKind, long> _seen = [];
    private IIntrospectedVm? _vm;
    private bool _pageIsGuarded;
    private uint _lastSequence;

    /// <summary>Makes the tool.</summary>
    /// <param name="seed">Of its commands and decisions.</param>
    /// <param name="guardedPage">A page into which the guest writes code that it runs.</param>
    public SoakHandler(int seed, ulong guardedPage)
    {
        _random = new Random(seed);
        _guardedPage = guardedPage;
        _random.NextBytes(_scratch);
    }

    /// <summary>What was not as it has to be.</summary>
    public ConcurrentQueue<string> Violations { get; } = [];

    /// <summary>Events that the handler got, by kind.</summary>
    public IReadOnlyDictionary<EventKind, long> Seen => _seen;

    private IIntrospectedVm Vm => _vm!;

    public IVmHandler Create(IIntrospectedVm vm)
    {
        _vm = vm;
        return this;
    }

    public void Attached()
    {
        Expect(Vm.WritePhysical(ScratchGpa, _scratch) == KvmiError.None, "the scratch memory can be written");
        LearnCpuid();
        for (var vcpu = 0; vcpu < Vm.VcpuCount; vcpu++)
        {
            Arm((ushort)vcpu);
        }

        GuardPage(guard: true);
    }

    public void OnEvent(in EventFrame frame, ref EventReply reply)
    {
        Count(in frame);
        for (var commands = _random.Next(3); commands > 0; commands--)
        {
            RunRandomCommand(in frame);
        }

        Decide(in frame, ref reply);
    }

    public void OnNotification(in EventFrame frame) => Count(in frame);

    public void Idle()
    {
        if (_random.Next(4) == 0)
        {
            EventFrame none = default;
            RunRandomCommand(in none);
        }
    }

    public void Detaching(DetachReason reason)
    {
        Expect(reason is DetachReason.Unhook, $"the run ends with UNHOOK, not {reason}");
        if (reason == DetachReason.Unhook)
        {
            CheckScratch(0, _scratch.Length);
        }
    }

    private void Arm(ushort vcpu)
    {
        foreach (var kind in Armed)
        {
            if (Vm.Capabilities.Events.Contains(kind) && Vm.ControlEvents(vcpu, kind, true) is var error and not KvmiError.None)
            {
                Expect(kind is EventKind.Singlestep, $"{kind} of vCPU {vcpu} can be switched on ({error})");
            }
        }

        foreach (var cr in new uint[] { 0, 3, 4 })
        {
            Expect(Vm.ControlCr(vcpu, cr, true) == KvmiError.None, $"CR{cr} of vCPU {vcpu} can be intercepted");
        }

        Expect(Vm.ControlMsr(vcpu, Lstar, true) == KvmiError.None, $"LSTAR of vCPU {vcpu} can be intercepted");
    }

    private void Count(in EventFrame frame)
    {
        // The kernel numbers its events one by one, for all vCPUs together: none comes twice, none comes late.
        Expect(frame.Sequence > _lastSequence, $"event {frame.Sequence} comes behind event {_lastSequence}");
        _lastSequence = frame.Sequence;
        _seen[frame.Kind] = _seen.GetValueOrDefault(frame.Kind) + 1;
    }

    private void Decide(in EventFrame frame, ref EventReply reply)
    {
        switch (frame.Kind)
        {
            case EventKind.Cr when frame.Cr != 3 && _random.Next(2) == 0:
                reply.NewValue = frame.OldValue;
                break;
            case EventKind.Msr when frame.OldValue != 0 && _random.Next(4) != 0:
                reply.NewValue = frame.OldValue;
                break;
            case EventKind.Breakpoint when _random.Next(2) == 0:
                var regs = frame.Regs;
                regs.Rip += frame.InstructionLength;
                Expect(Vm.SetRegisters(frame.Vcpu, in regs) == KvmiError.None, "registers can be set inside an event");
                reply.Action = EventAction.Retry;
                break;
            case EventKind.PageFault when _random.Next(2) == 0:
                GuardPage(guard: false);
                reply.Action = EventAction.Retry;
                break;
            default:
                if (!_pageIsGuarded && _random.Next(8) == 0)
                {
                    GuardPage(guard: true);
                }

                break;
        }
    }

    private void GuardPage(bool guard)
    {
        var access = guard ? PageAccess.ReadWrite : PageAccess.All;
        Expect(Vm.SetPageAccess([new PageAccessEntry(_guardedPage, access)]) == KvmiError.None, "the rights of a page can be set");
        _pageIsGuarded = guard;
    }

    private void Expect(bool condition, FormattableString what)
    {
        if (!condition && Violations.Count < MostViolations)
        {
            Violations.Enqueue($"not so behind event {_lastSequence}: {what}");
        }
    }

    private void Expect(bool condition, string what) => Expect(condition, (FormattableString)$"{what}");
}
