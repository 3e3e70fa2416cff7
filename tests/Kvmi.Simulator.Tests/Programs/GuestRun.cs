using Kvmi.Simulator.Machine;
using Kvmi.Simulator.Programs;

namespace Kvmi.Simulator.Tests.Programs;

/// <summary>Plays the kernel side for one vCPU: it runs until the program has ended and lets a test answer the exits.</summary>
internal static class GuestRun
{
    private const int MaxExits = 10_000;

    public static List<VcpuExit> ToEnd(IMachine machine, int vcpu, Action<IVcpu, VcpuExit>? answer = null)
    {
        var exits = new List<VcpuExit>();
        var cpu = machine.GetVcpu(vcpu);
        while (exits.Count < MaxExits)
        {
            var exit = cpu.Run(1_000_000);
            if (exit.Kind == VcpuExitKind.Halted && GuestMailbox.IsFinished(machine, vcpu)) return exits;
            exits.Add(exit);
            Assert.True(exit.Kind is not (VcpuExitKind.Shutdown or VcpuExitKind.Budget or VcpuExitKind.Stopped), $"unexpected exit {exit.Kind}");
            if (answer is null) Assert.Fail($"unexpected exit {exit.Kind}");
            answer(cpu, exit);
        }

        Assert.Fail("the guest does not come to an end");
        return exits;
    }

    public static ulong Field(this IMachine machine, GuestField field, int vcpu = 0) => GuestMailbox.Read(machine, vcpu, field);

    /// <summary>Lets the guest do what it was about to do.</summary>
    public static void Allow(IVcpu vcpu, VcpuExit exit)
    {
        switch (exit.Kind)
        {
            case VcpuExitKind.CrWrite:
                vcpu.CompleteCrWrite(exit.NewValue);
                break;
            case VcpuExitKind.MsrWrite:
                vcpu.CompleteMsrWrite(exit.NewValue);
                break;
            case VcpuExitKind.XcrWrite:
                vcpu.CompleteXcrWrite();
                break;
            case VcpuExitKind.Breakpoint:
                vcpu.CompleteBreakpoint();
                break;
            case VcpuExitKind.Hypercall:
                vcpu.CompleteHypercall(0);
                break;
            case VcpuExitKind.Descriptor:
                vcpu.CompleteDescriptor();
                break;
            case VcpuExitKind.Cpuid:
                vcpu.CompleteCpuid();
                break;
            case VcpuExitKind.PageAccess:
                vcpu.CompletePageAccess();
                break;
            default:
                break;
        }
    }

    public static void Skip(IVcpu vcpu, int length)
    {
        vcpu.GetState(out var state);
        var regs = state.Regs;
        regs.Rip += (ulong)length;
        vcpu.SetGeneralRegisters(in regs);
    }
}
