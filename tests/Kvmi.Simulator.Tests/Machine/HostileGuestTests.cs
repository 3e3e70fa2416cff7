using System.Runtime.InteropServices;
using FsCheck;
using FsCheck.Fluent;
using Kvmi.Protocol;
using Kvmi.Protocol.Registers;
using Kvmi.Simulator.Machine;
using Kvmi.Simulator.Programs;

namespace Kvmi.Simulator.Tests.Machine;

/// <summary>Whatever bytes a guest runs: no exception leaves the machine, no run exceeds its budget, memory stays within the machine.</summary>
public sealed class HostileGuestTests
{
    private const int Budget = 2_000;

    [Fact]
    public void Random_bytes_never_break_the_machine() => Check(seed =>
    {
        var random = new Random(seed);
        var machine = new BareMachine();
        var code = new byte[64 + random.Next(4096)];
        random.NextBytes(code);
        machine.Load(code);
        ScatterRegisters(machine, random);
        return Survives(machine, random);
    });

    [Fact]
    public void Random_tables_never_break_the_machine() => Check(seed =>
    {
        var random = new Random(seed);
        var machine = new BareMachine();
        var code = new byte[512];
        random.NextBytes(code);
        machine.Load(code);
        for (var change = 0; change < 20; change++)
        {
            var table = random.Next(6) switch
            {
                0 => BareMachine.Root,
                1 => BareMachine.Pd,
                2 => BareMachine.Gdt,
                3 => BareMachine.Task,
                4 => BareMachine.Idt,
                _ => BareMachine.UserPd,
            };
            machine.Put(table + ((ulong)random.Next(64) * 8), (ulong)random.NextInt64(long.MinValue, long.MaxValue));
        }

        ScatterRegisters(machine, random);
        return Survives(machine, random);
    });

    [Fact]
    public void A_damaged_guest_never_breaks_the_machine_and_does_the_same_again() => Check(seed =>
    {
        var first = RunDamaged(seed);
        var second = RunDamaged(seed);
        return first.AsSpan().SequenceEqual(second);
    });

    /// <summary>Real kernel code with random bytes changed gets further than random bytes do.</summary>
    private static byte[] RunDamaged(int seed)
    {
        var random = new Random(seed);
        var machine = GuestPrograms.Default(1).BuildMachine();
        for (var change = 0; change < 8; change++)
        {
            var gpa = random.Next(5) switch
            {
                0 => GuestLayout.MailboxGpa(0) + (ulong)random.Next(0x3200),
                1 => GuestLayout.BootRoot + (ulong)random.Next(0x7000),
                2 => GuestLayout.SyscallEntryGpa + (ulong)random.Next(64),
                _ => GuestLayout.TextGpa + (ulong)random.Next(0x500),
            };
            Assert.True(machine.TryWritePhysical(gpa, [(byte)random.Next(256)]));
        }

        var vcpu = machine.GetVcpu(0);
        for (var round = 0; round < 10; round++) vcpu.Run(Budget);
        vcpu.GetState(out var state);
        var seen = new byte[4096 + KvmRegs.Length];
        machine.TryReadPhysical(GuestLayout.MailboxGpa(0), seen.AsSpan(0, 4096));
        MemoryMarshal.Write(seen.AsSpan(4096), in state.Regs);
        return seen;
    }

    private static bool Survives(BareMachine machine, Random random)
    {
        var traps = machine.Vcpu.Traps;
        traps.Breakpoint = random.Next(2) == 0;
        traps.Descriptor = random.Next(2) == 0;
        traps.Hypercall = random.Next(2) == 0;
        traps.Cpuid = random.Next(2) == 0;
        traps.Xsetbv = random.Next(2) == 0;
        traps.TrySetCr(0, true);
        traps.TrySetCr(3, true);
        traps.TrySetCr(4, true);
        if (random.Next(2) == 0) machine.Restrict(BareMachine.Data, PageAccess.Read);
        if (random.Next(4) == 0) machine.Restrict(BareMachine.Idt, PageAccess.None);
        for (var round = 0; round < 20; round++)
        {
            var exit = machine.Run(Budget);
            if (exit.Kind == VcpuExitKind.Shutdown) return true;
            if (random.Next(3) != 0) Programs.GuestRun.Allow(machine.Vcpu, exit);
            if (random.Next(4) == 0) machine.Vcpu.TryInjectException((byte)random.Next(256), (uint)random.Next(), (ulong)random.NextInt64());
            if (random.Next(8) == 0) ScatterRegisters(machine, random);
            machine.Vcpu.GetState(out _);
            machine.Vcpu.TryTranslate((ulong)random.NextInt64(long.MinValue, long.MaxValue), out _);
        }

        return true;
    }

    private static void ScatterRegisters(BareMachine machine, Random random) => machine.Edit((ref KvmRegs regs) =>
    {
        regs.Rax = Address(random);
        regs.Rbx = Address(random);
        regs.Rcx = (ulong)random.Next(0x400);
        regs.Rdx = Address(random);
        regs.Rsi = Address(random);
        regs.Rdi = Address(random);
        regs.Rbp = Address(random);
        if (random.Next(2) == 0) regs.Rsp = Address(random);
        if (random.Next(8) == 0) regs.Rip = Address(random);
        if (random.Next(4) == 0) regs.Rflags = (ulong)random.NextInt64();
    });

    private static ulong Address(Random random) => random.Next(6) switch
    {
        0 => (ulong)random.NextInt64(long.MinValue, long.MaxValue),
        1 => BareMachine.UserOffset + (ulong)random.Next(BareMachine.MemorySize),
        2 => ulong.MaxValue - (ulong)random.Next(16),
        3 => BareMachine.Idt + (ulong)random.Next(512),
        _ => (ulong)random.Next(BareMachine.MemorySize),
    };

    private static void Check(Func<int, bool> holds) =>
        Prop.ForAll(Arb.From(Gen.Choose(0, int.MaxValue)), holds).Check(Config.QuickThrowOnFailure.WithMaxTest(150));
}
