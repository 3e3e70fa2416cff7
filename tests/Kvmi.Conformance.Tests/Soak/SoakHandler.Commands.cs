using System.Runtime.InteropServices;
using Kvmi.Protocol;
using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Events;
using Kvmi.Protocol.Registers;
using Kvmi.Session.Vm;
using Kvmi.Simulator.Programs;

namespace Kvmi.Conformance.Tests.Soak;

/// <content>
/// Commands whose right result is known beforehand, so that a reply that belongs to another command shows: memory with known bytes,
/// the registers of the event, leaves of CPUID, addresses whose translation is a subtraction, arguments that have to be refused.
/// </content>
internal sealed partial class SoakHandler
{
    private const ulong ScratchGpa = 0x700_0000;
    private const int ScratchLength = 16 * 4096;
    private const ulong KernelText = 0xFFFF_FFFF_8000_0000;
    private const ulong NoMemory = 0x7F_FFFF_F000;
    private static readonly TimeSpan PausePatience = TimeSpan.FromSeconds(20);

    private readonly byte[] _scratch = new byte[ScratchLength];
    private readonly byte[] _read = new byte[ScratchLength];
    private readonly Dictionary<uint, CpuidReply> _leaves = [];
    private readonly Dictionary<ushort, long> _pauses = [];
    private bool _singlestepped;

    /// <summary>PAUSE events that are due to the handler, by vCPU.</summary>
    public long PausesAsked => _pauses.Values.Sum();

    /// <summary>Commands tried, by name.</summary>
    public Dictionary<string, long> Tried { get; } = [];

    private bool Has(CommandKind kind) => Vm.Capabilities.Commands.Contains(kind);

    private ushort AnyVcpu() => (ushort)_random.Next(Vm.VcpuCount);

    private void LearnCpuid()
    {
        for (var leaf = 0u; Has(CommandKind.GetCpuid) && leaf < 8; leaf++)
        {
            // Leaf 1 tells whether CR4.OSXSAVE is on, which the guest changes.
            if (leaf != 1 && Vm.GetCpuid(0, leaf, 0, out var reply) == KvmiError.None)
            {
                _leaves[leaf] = reply;
            }
        }
    }

    private void RunRandomCommand(in EventFrame frame)
    {
        var inEvent = frame.Sequence != 0;
        switch (_random.Next(400))
        {
            case < 80: ReadScratch(); break;
            case < 130: WriteScratch(); break;
            case < 190 when inEvent: ReadOwnRegisters(in frame); break;
            case < 210: ReadOtherRegisters(); break;
            case < 240: AskForTheImpossible(); break;
            case < 270: AskCpuid(); break;
            case < 300: Translate(); break;
            case < 330: Pause(); break;
            case < 350: Batch(); break;
            case < 370: ReadManyRanges(); break;
            case < 385 when inEvent: SetSameRegisters(in frame); break;
            case 399: PauseAll(); break;
            case 398 when inEvent: Step(in frame); break;
            default: AskMaxGfn(); break;
        }

        if (frame is { Kind: EventKind.Singlestep, Sequence: > 0 } || (_singlestepped && frame.Sequence > 0))
        {
            StopStepping(in frame);
        }
    }

    private void Try(string name) => Tried[name] = Tried.GetValueOrDefault(name) + 1;

    private void ReadScratch()
    {
        Try("read memory");
        var offset = _random.Next(ScratchLength);
        CheckScratch(offset, _random.Next(1, Math.Min(6000, ScratchLength - offset) + 1));
    }

    private void CheckScratch(int offset, int length)
    {
        var read = _read.AsSpan(0, length);
        var error = Vm.ReadPhysical(ScratchGpa + (ulong)offset, read);
        Expect(error == KvmiError.None && read.SequenceEqual(_scratch.AsSpan(offset, length)), $"{length} bytes at {offset} read as written ({error})");
    }

    private void WriteScratch()
    {
        Try("write memory");
        var offset = _random.Next(ScratchLength);
        var part = _scratch.AsSpan(offset, _random.Next(1, Math.Min(5000, ScratchLength - offset) + 1));
        _random.NextBytes(part);
        Expect(Vm.WritePhysical(ScratchGpa + (ulong)offset, part) == KvmiError.None, $"{part.Length} bytes at {offset} can be written");
    }

    private void ReadOwnRegisters(in EventFrame frame)
    {
        Try("registers of the event's vCPU");
        MsrEntry[] msrs = [new(Lstar, 0), new(0xC000_0080, 0)];
        var error = Vm.GetRegisters(frame.Vcpu, out var state, msrs);
        Expect(error == KvmiError.None && msrs[0].Index == Lstar && msrs[1].Index == 0xC000_0080, $"registers of vCPU {frame.Vcpu} can be read ({error})");
        Expect(
            MemoryMarshal.AsBytes(MemoryMarshal.CreateReadOnlySpan(in state.Regs, 1))
                .SequenceEqual(MemoryMarshal.AsBytes(MemoryMarshal.CreateReadOnlySpan(in frame.Regs, 1))),
            $"registers of vCPU {frame.Vcpu} are those of its event");
        Expect(msrs[0].Value == frame.Msrs.Lstar && msrs[1].Value == frame.Msrs.Efer, $"MSRs of vCPU {frame.Vcpu} are those of its event");
    }

    private void ReadOtherRegisters()
    {
        Try("registers of any vCPU");
        var vcpu = AnyVcpu();
        var error = Vm.GetRegisters(vcpu, out var state, []);
        Expect(error == KvmiError.None && state.Sregs.Cr3 != 0, $"registers of vCPU {vcpu} can be read ({error})");
    }

    private void AskForTheImpossible()
    {
        Try("impossible");
        switch (_random.Next(4))
        {
            case 0:
                Expect(Vm.ReadPhysical(NoMemory, _read.AsSpan(0, 8)) is KvmiError.NoEntry or KvmiError.InvalidArgument, "there is no memory there");
                break;
            case 1:
                Expect(Vm.ControlCr(AnyVcpu(), 99, true) == KvmiError.InvalidArgument, "there is no CR99");
                break;
            case 2:
                Expect(Vm.ControlMsr(AnyVcpu(), 0xFFFF_FFFF, true) == KvmiError.InvalidArgument, "there is no MSR of this number");
                break;
            default:
                Expect(Vm.GetRegisters(200, out _, []) == KvmiError.InvalidArgument, "there is no vCPU 200");
                break;
        }
    }

    private void AskCpuid()
    {
        if (_leaves.Count == 0)
        {
            return;
        }

        Try("CPUID");
        var leaf = _leaves.Keys.ElementAt(_random.Next(_leaves.Count));
        var error = Vm.GetCpuid(0, leaf, 0, out var reply);
        Expect(error == KvmiError.None && reply == _leaves[leaf], $"leaf {leaf} is what it was ({error})");
    }

    private void Translate()
    {
        if (!Has(CommandKind.TranslateGva))
        {
            return;
        }

        Try("translate");
        var gpa = GuestLayout.TextGpa + (ulong)_random.Next(0x10_0000);
        var error = Vm.TranslateGva(AnyVcpu(), KernelText + gpa, out var translated);
        Expect(error == KvmiError.None && translated == gpa, $"0x{KernelText + gpa:x} is 0x{gpa:x}, not 0x{translated:x} ({error})");
    }

    private void Pause()
    {
        if (!Has(CommandKind.PauseVcpu))
        {
            return;
        }

        Try("pause");
        var vcpu = AnyVcpu();
        var error = Vm.PauseVcpu(vcpu, _random.Next(2) == 0);
        Expect(error is KvmiError.None or KvmiError.Busy, $"vCPU {vcpu} can be paused ({error})");
        _pauses[vcpu] = _pauses.GetValueOrDefault(vcpu) + (error == KvmiError.None ? 1 : 0);
    }

    private void Batch()
    {
        Try("batch");
        using var batch = Vm.StartBatch();
        var offset = _random.Next(ScratchLength - 64);
        _random.NextBytes(_scratch.AsSpan(offset, 64));
        var write = batch.WritePhysical(ScratchGpa + (ulong)offset, _scratch.AsSpan(offset, 64));
        var wrong = batch.ControlCr(AnyVcpu(), 99, true);
        var right = batch.ControlCr(AnyVcpu(), 3, true);
        batch.Send();
        Expect(batch[write] == KvmiError.None && batch[right] == KvmiError.None, $"the sound entries of a batch succeed ({batch[write]}, {batch[right]})");
        Expect(batch[wrong] == KvmiError.InvalidArgument, $"the wrong entry of a batch is told ({batch[wrong]})");
        CheckScratch(offset, 64);
    }

    private void ReadManyRanges()
    {
        Try("many ranges");
        var ranges = new MemoryRange[_random.Next(2, 20)];
        var results = new KvmiError[ranges.Length];
        for (var i = 0; i < ranges.Length; i++)
        {
            ranges[i] = new MemoryRange(ScratchGpa + (ulong)_random.Next(ScratchLength - 100), _random.Next(1, 100));
        }

        var error = Vm.ReadPhysical(ranges, _read, results);
        var rest = _read.AsSpan();
        foreach (var range in ranges)
        {
            Expect(rest[..range.Length].SequenceEqual(_scratch.AsSpan((int)(range.Gpa - ScratchGpa), range.Length)), $"each range has its own bytes ({error})");
            rest = rest[range.Length..];
        }
    }

    private void SetSameRegisters(in EventFrame frame)
    {
        Try("set registers");
        var regs = frame.Regs;
        Expect(Vm.SetRegisters(frame.Vcpu, in regs) == KvmiError.None, "registers can be set inside an event");
    }

    private void PauseAll()
    {
        Try("pause all");
        var result = Vm.PauseAll(PausePatience);
        Expect(result.IsComplete && result.Stopped.Count == Vm.VcpuCount, $"every vCPU stands ({result.Stopped.Count} of {Vm.VcpuCount}, {result.Error})");
        Vm.ResumeAll();
    }

    private void Step(in EventFrame frame)
    {
        if (!Has(CommandKind.ControlSinglestep) || !Vm.Capabilities.Events.Contains(EventKind.Singlestep))
        {
            return;
        }

        Try("single-step");
        _singlestepped |= Vm.ControlSinglestep(frame.Vcpu, true) == KvmiError.None;
    }

    private void StopStepping(in EventFrame frame)
    {
        if (frame.Kind == EventKind.Singlestep)
        {
            Expect(Vm.ControlSinglestep(frame.Vcpu, false) == KvmiError.None, "stepping can be switched off");
            _singlestepped = false;
        }
    }

    private void AskMaxGfn()
    {
        if (Has(CommandKind.GetMaxGfn))
        {
            Try("highest frame");
            Expect(Vm.GetMaxGfn(out var gfn) == KvmiError.None && gfn == Vm.Capabilities.MaxGfn, "the highest frame is what it was");
        }
    }
}
