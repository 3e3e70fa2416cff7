using Kvmi.Kvm.Running;
using Kvmi.Kvm.Tests.Support;

namespace Kvmi.Kvm.Tests.Devices;

public class KvmVcpuTests
{
    [Fact]
    public void A_guest_writes_a_port_and_halts()
    {
        // mov al, 0x5a; out 0x42, al; hlt
        using var guest = new RealModeGuest(0xB0, 0x5A, 0xE6, 0x42, 0xF4);
        var written = guest.Vcpu.Run();
        Assert.Equal(KvmExitReason.Io, written.Reason);
        Assert.NotNull(written.Port);
        Assert.True(written.Port.IsWrite);
        Assert.Equal((0x42, 1, 1), (written.Port.Port, written.Port.Size, written.Port.Count));
        Assert.Equal([0x5A], written.Port.Data.ToArray());

        Assert.Equal(KvmExitReason.Hlt, guest.Vcpu.Run().Reason);
        Assert.Equal(0x505UL, guest.Vcpu.GetRegisters().Rip);
        Assert.Equal(0x5AUL, guest.Vcpu.GetRegisters().Rax);
    }

    [Fact]
    public void A_guest_reads_what_a_port_is_answered_with()
    {
        // in ax, 0x42; mov [0x600], ax; hlt
        using var guest = new RealModeGuest(0xE5, 0x42, 0xA3, 0x00, 0x06, 0xF4);
        var read = guest.Vcpu.Run();
        Assert.Equal((false, 2), (read.Port!.IsWrite, read.Port.Size));
        Assert.Throws<ArgumentException>(() => guest.Vcpu.AnswerRead([1]));
        guest.Vcpu.AnswerRead([0x34, 0x12]);
        Assert.Equal(KvmExitReason.Hlt, guest.Vcpu.Run().Reason);
        var stored = new byte[2];
        guest.Memory.Read(0x600, stored);
        Assert.Equal([0x34, 0x12], stored);
        Assert.Throws<InvalidOperationException>(() => guest.Vcpu.AnswerRead([1]));
    }

    [Fact]
    public void Memory_that_is_not_there_is_an_exit_with_address_and_bytes()
    {
        // mov ax, 0xbeef; mov [0x2000], ax; mov ax, [0x2000]; hlt
        using var guest = new RealModeGuest(0xB8, 0xEF, 0xBE, 0xA3, 0x00, 0x20, 0xA1, 0x00, 0x20, 0xF4);
        var write = guest.Vcpu.Run();
        Assert.Equal(KvmExitReason.Mmio, write.Reason);
        Assert.Equal((true, 0x2000UL, 2), (write.Memory!.IsWrite, write.Memory.Address, write.Memory.Size));
        Assert.Equal([0xEF, 0xBE], write.Memory.Data.ToArray());
        var read = guest.Vcpu.Run();
        Assert.Equal((false, 0x2000UL, 2), (read.Memory!.IsWrite, read.Memory.Address, read.Memory.Size));
        guest.Vcpu.AnswerRead([0x78, 0x56]);
        Assert.Equal(KvmExitReason.Hlt, guest.Vcpu.Run().Reason);
        Assert.Equal(0x5678UL, guest.Vcpu.GetRegisters().Rax);
    }

    [Fact]
    public void Memory_outside_the_page_cannot_be_touched()
    {
        using var guest = new RealModeGuest(0xF4);
        Assert.Throws<ArgumentException>(() => guest.Memory.Write(4095, [1, 2]));
        Assert.Throws<ArgumentOutOfRangeException>(() => guest.Memory.Read(-1, new byte[1]));
        guest.Memory.Write(4094, [1, 2]);
        var read = new byte[2];
        guest.Memory.Read(4094, read);
        Assert.Equal([1, 2], read);
    }

    [Fact]
    public void Cpuid_answers_what_was_set()
    {
        // mov eax, 0x40000010; cpuid; hlt (32-bit operand in real mode)
        using var guest = new RealModeGuest(0x66, 0xB8, 0x10, 0x00, 0x00, 0x40, 0x0F, 0xA2, 0xF4);
        guest.Vcpu.SetCpuid([new(0, 0, 0, 0xD, 0x756E6547, 0x6C65746E, 0x49656E69), new(0x40000010, 0, 0, 1, 2, 3, 4)]);
        Assert.Equal(KvmExitReason.Hlt, guest.Vcpu.Run().Reason);
        var registers = guest.Vcpu.GetRegisters();
        Assert.Equal((1UL, 2UL, 3UL, 4UL), (registers.Rax, registers.Rbx, registers.Rcx, registers.Rdx));
    }
}
