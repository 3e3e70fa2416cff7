using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Testing.Guests;
using Kvmi.Protocol;
using Kvmi.Protocol.Dialects;
using Kvmi.Protocol.Events;
using Kvmi.Protocol.Registers;

namespace Kvmi.Policy.Testing.Policies;

/// <summary>Makes event messages of the steps of a policy test: what a step does not say comes from <see cref="TestMachine"/>.</summary>
public static class TestEvents
{
    private const byte BreakpointLength = 1;
    private const byte CpuidLength = 2;
    private const ushort IdtLimit = 0xFFF;

    /// <summary>Writes the event of a step and sets the VM's vCPU to the same state.</summary>
    /// <param name="step">The step.</param>
    /// <param name="vm">The VM; its page tables get the step's root.</param>
    /// <param name="sequence">Sequence number of the event.</param>
    /// <param name="destination">Where the message goes.</param>
    /// <returns>Bytes of the message.</returns>
    /// <exception cref="ArgumentException">A field does not fit the event; the message is for the policy's author.</exception>
    public static int Write(PolicyTestStep step, FakeVm vm, uint sequence, Span<byte> destination)
    {
        ArgumentNullException.ThrowIfNull(step);
        ArgumentNullException.ThrowIfNull(vm);
        var dialect = Dialect.Find(vm.Capabilities.Dialect)
            ?? throw new ArgumentException($"No dialect {vm.Capabilities.Dialect}.", nameof(vm));
        var vcpu = step.With.GetValueOrDefault("vcpu");
        if (vcpu >= (ulong)vm.VcpuCount)
        {
            throw new ArgumentException($"vcpu {vcpu} does not exist: the test VM has vCPUs 0 to {vm.VcpuCount - 1}.", nameof(step));
        }

        ref var state = ref vm.Vcpu((int)vcpu);
        state = State(step);
        TestMachine.MapRoot(vm.Memory, state.Sregs.Cr3);
        return dialect.WriteEvent(destination, sequence, (ushort)vcpu, in state, Body(step));
    }

    /// <summary>Finds a general register by its lower-case name.</summary>
    /// <returns>False when there is none of that name.</returns>
    public static bool TryGetRegister(in KvmRegs regs, string name, out ulong value)
    {
        var copy = regs;
        return Register(ref copy, name, out value, write: null);
    }

    private static VcpuState State(PolicyTestStep step)
    {
        var state = TestMachine.KernelState();
        if (step.With.TryGetValue("cs", out var cs))
        {
            TestMachine.SetCodeSelector(ref state, (ushort)cs);
        }

        SetOldValue(step, ref state);
        foreach (var (name, value) in step.With)
        {
            switch (name)
            {
                case "cr3": state.Sregs.Cr3 = value; break;
                case "lstar": state.Msrs.Lstar = value; break;
                case "idtr": state.Sregs.Idt = new KvmDtable { Base = value, Limit = IdtLimit }; break;
                default: Register(ref state.Regs, name, out _, value); break;
            }
        }

        return state;
    }

    // The event of a register write is sent before the write: the machine still holds the old value.
    private static void SetOldValue(PolicyTestStep step, ref VcpuState state)
    {
        if (!step.With.TryGetValue("old", out var old))
        {
            return;
        }

        switch (step.Event, step.With.GetValueOrDefault("cr"), step.With.GetValueOrDefault("msr"))
        {
            case (EventKind.Cr, 0, _): state.Sregs.Cr0 = old; break;
            case (EventKind.Cr, 3, _): state.Sregs.Cr3 = old; break;
            case (EventKind.Cr, 4, _): state.Sregs.Cr4 = old; break;
            case (EventKind.Msr, _, 0xc000_0080): state.Msrs.Efer = state.Sregs.Efer = old; break;
            case (EventKind.Msr, _, 0xc000_0081): state.Msrs.Star = old; break;
            case (EventKind.Msr, _, 0xc000_0082): state.Msrs.Lstar = old; break;
            case (EventKind.Msr, _, 0xc000_0083): state.Msrs.Cstar = old; break;
            case (EventKind.Msr, _, 0x174): state.Msrs.SysenterCs = old; break;
            case (EventKind.Msr, _, 0x175): state.Msrs.SysenterEsp = old; break;
            case (EventKind.Msr, _, 0x176): state.Msrs.SysenterEip = old; break;
            default: break;
        }
    }

    private static EventBody Body(PolicyTestStep step)
    {
        var (old, wanted) = (step.With.GetValueOrDefault("old"), step.With.GetValueOrDefault("new"));
        var gpa = step.With.GetValueOrDefault("gpa");
        return step.Event switch
        {
            EventKind.Cr => EventBody.Cr((ushort)Required(step, "cr"), old, wanted),
            EventKind.Msr => EventBody.Msr((uint)Required(step, "msr"), old, wanted),
            EventKind.Xsetbv => EventBody.Xsetbv((byte)step.With.GetValueOrDefault("xcr"), old, wanted),
            EventKind.Trap => EventBody.Trap(
                (byte)Required(step, "vector"), (uint)step.With.GetValueOrDefault("errorCode"), step.With.GetValueOrDefault("address")),
            EventKind.Cpuid => EventBody.Cpuid((uint)Required(step, "function"), (uint)step.With.GetValueOrDefault("index"), CpuidLength),
            EventKind.Singlestep => EventBody.Singlestep(step.With.GetValueOrDefault("failed") != 0),
            EventKind.Breakpoint => EventBody.Breakpoint(gpa, BreakpointLength),
            EventKind.PageFault => EventBody.PageFault(
                step.With.GetValueOrDefault("gva", ulong.MaxValue), Required(step, "gpa"), (PageAccess)Required(step, "access")),
            EventKind.Descriptor => EventBody.Descriptor((DescriptorTable)Required(step, "descriptor"),
                step.With.GetValueOrDefault("write") != 0),
            _ => EventBody.Plain(step.Event),
        };
    }

    private static ulong Required(PolicyTestStep step, string field) => step.With.TryGetValue(field, out var value)
        ? value
        : throw new ArgumentException($"A step of the event {step.Event} needs the field '{field}'.", nameof(step));

    private static bool Register(ref KvmRegs regs, string name, out ulong value, ulong? write)
    {
        value = 0;
        switch (name)
        {
            case "rax": Access(ref regs.Rax, out value, write); break;
            case "rbx": Access(ref regs.Rbx, out value, write); break;
            case "rcx": Access(ref regs.Rcx, out value, write); break;
            case "rdx": Access(ref regs.Rdx, out value, write); break;
            case "rsi": Access(ref regs.Rsi, out value, write); break;
            case "rdi": Access(ref regs.Rdi, out value, write); break;
            case "rsp": Access(ref regs.Rsp, out value, write); break;
            case "rbp": Access(ref regs.Rbp, out value, write); break;
            case "r8": Access(ref regs.R8, out value, write); break;
            case "r9": Access(ref regs.R9, out value, write); break;
            case "r10": Access(ref regs.R10, out value, write); break;
            case "r11": Access(ref regs.R11, out value, write); break;
            case "r12": Access(ref regs.R12, out value, write); break;
            case "r13": Access(ref regs.R13, out value, write); break;
            case "r14": Access(ref regs.R14, out value, write); break;
            case "r15": Access(ref regs.R15, out value, write); break;
            case "rip": Access(ref regs.Rip, out value, write); break;
            case "rflags": Access(ref regs.Rflags, out value, write); break;
            default: return false;
        }

        return true;
    }

    private static void Access(ref ulong register, out ulong value, ulong? write)
    {
        value = register;
        if (write is { } given)
        {
            register = given;
        }
    }
}
