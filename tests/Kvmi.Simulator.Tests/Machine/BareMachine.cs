using System.Buffers.Binary;
using Iced.Intel;
using Kvmi.Protocol;
using Kvmi.Protocol.Registers;
using Kvmi.Simulator.Machine;
using Kvmi.Simulator.Machine.Model;
using static Iced.Intel.AssemblerRegisters;

namespace Kvmi.Simulator.Tests.Machine;

/// <summary>
/// One vCPU with the least that exceptions need: memory mapped one to one for the kernel and again at 1 GiB for user mode, descriptor tables,
/// and for each vector a handler that is a single HLT, so that a test sees which one was entered and what is on the stack.
/// </summary>
internal sealed class BareMachine
{
    public const ulong Code = 0x10_0000;
    public const ulong Stack = 0x20_0000;
    public const ulong InterruptStack = 0x28_0000;
    public const ulong Handlers = 0x30_0000;
    public const ulong Data = 0x40_0000;
    public const ulong Root = 0x1000;
    public const ulong Pdpt = 0x2000;
    public const ulong Pd = 0x3000;
    public const ulong UserPd = 0x4000;
    public const ulong SmallTable = 0x5000;
    public const ulong Gdt = 0x8000;
    public const ulong Task = 0x9000;
    public const ulong Idt = 0xA000;

    /// <summary>4 KiB pages that tests map as they like, through <see cref="MapSmall"/>.</summary>
    public const ulong Small = 0x80_0000;

    public const ulong UserOffset = 0x4000_0000;
    public const int MemorySize = 16 << 20;

    private const ulong Handler = 16;

    public BareMachine(Action<Assembler>? write = null)
    {
        Machine = new ModelMachine(new ModelMachineOptions { VcpuCount = 1, MemorySize = MemorySize });
        Vcpu = Machine.GetModelVcpu(0);
        Put(Root, Pdpt | 7);
        Put(Pdpt, Pd | 7);
        Put(Pdpt + 8, UserPd | 7);
        for (var page = 0UL; page < 8; page++)
        {
            Put(Pd + (page * 8), (page << 21) | 0x83);
            Put(UserPd + (page * 8), (page << 21) | 0x87);
        }

        Put(Pd + ((Small >> 21) * 8), SmallTable | 7);
        for (var vector = 0UL; vector < 32; vector++)
        {
            Machine.TryWritePhysical(Handlers + (vector * Handler), [0xF4]);
            var (low, high) = Gate(Handlers + (vector * Handler));
            SetGate((int)vector, low, high);
        }

        Put(Gdt + 0x08, 0x00AF_9B00_0000_FFFF);
        Put(Gdt + 0x10, 0x00CF_9300_0000_FFFF);
        Put(Gdt + 0x18, 0x00CF_F300_0000_FFFF);
        Put(Gdt + 0x20, 0x00AF_FB00_0000_FFFF);
        Put(Gdt + 0x28, 103 | ((Task & 0xFF_FFFF) << 16) | (0x89UL << 40));
        Put(Task + 4, InterruptStack);
        PutTablePointer(0x7000, Gdt, 0x37);
        PutTablePointer(0x7010, Idt, 0x1FF);
        Vcpu.StartInLongMode(Code, Stack, Root, 0);
        Assemble(code =>
        {
            code.lgdt(__[0x7000]);
            code.lidt(__[0x7010]);
            code.mov(eax, 0x28);
            code.ltr(ax);
            code.xor(eax, eax);
            code.hlt();
        });
        Assert.Equal(VcpuExitKind.Halted, Vcpu.Run(100).Kind);
        if (write is not null) Assemble(write);
    }

    public ModelMachine Machine { get; }

    public ModelVcpu Vcpu { get; }

    public VcpuState State
    {
        get
        {
            Vcpu.GetState(out var state);
            return state;
        }
    }

    public KvmRegs Regs => State.Regs;

    /// <summary>Puts code at <see cref="Code"/>, closed by HLT, and RIP to its start.</summary>
    public void Assemble(Action<Assembler> write)
    {
        var code = new Assembler(64);
        write(code);
        code.hlt();
        using var stream = new MemoryStream();
        code.Assemble(new StreamCodeWriter(stream), Code);
        Load(stream.ToArray());
    }

    public void Load(ReadOnlySpan<byte> code)
    {
        Assert.True(Machine.TryWritePhysical(Code, code));
        Edit((ref KvmRegs regs) => regs.Rip = Code);
    }

    public delegate void Editor(ref KvmRegs regs);

    public void Edit(Editor edit)
    {
        var regs = Regs;
        edit(ref regs);
        Vcpu.SetGeneralRegisters(in regs);
    }

    public VcpuExit Run(long budget = 10_000) => Vcpu.Run(budget);

    public void RunToHalt() => Assert.Equal(VcpuExitKind.Halted, Run().Kind);

    /// <summary>Runs into the handler of an exception and gives its vector.</summary>
    public int RunToHandler()
    {
        RunToHalt();
        var rip = Regs.Rip - 1;
        Assert.InRange(rip, Handlers, Handlers + (31 * Handler));
        return (int)((rip - Handlers) / Handler);
    }

    public ulong StackWord(int index) => Get(Regs.Rsp + ((ulong)index * 8));

    public void Put(ulong gpa, ulong value)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        Assert.True(Machine.TryWritePhysical(gpa, bytes));
    }

    public ulong Get(ulong gpa)
    {
        Span<byte> bytes = stackalloc byte[8];
        Assert.True(Machine.TryReadPhysical(gpa, bytes));
        return BinaryPrimitives.ReadUInt64LittleEndian(bytes);
    }

    public void MapSmall(int page, ulong entry) => Put(SmallTable + ((ulong)page * 8), entry);

    public void Restrict(ulong gpa, PageAccess access)
    {
        Machine.Traps.PageAccess = true;
        Assert.True(Machine.TrySetPageAccess(gpa, access));
    }

    public static (ulong Low, ulong High) Gate(ulong handler, int dpl = 3, int ist = 0) =>
        ((handler & 0xFFFF) | (0x08UL << 16) | ((ulong)ist << 32) | (0x8EUL << 40) | ((ulong)dpl << 45) | ((handler & 0xFFFF_0000) << 32), handler >> 32);

    public void SetGate(int vector, ulong low, ulong high)
    {
        Put(Idt + ((ulong)vector * 16), low);
        Put(Idt + ((ulong)vector * 16) + 8, high);
    }

    /// <summary>Assembles code that goes to user mode, at the user's alias of the code behind it.</summary>
    public static void EnterUser(Assembler code)
    {
        var target = code.CreateLabel();
        code.mov(rax, UserOffset);
        code.lea(rbx, __[target]);
        code.add(rbx, rax);
        code.push(0x1B);
        code.push(0x3000);
        code.push(2);
        code.push(0x23);
        code.push(rbx);
        code.iretq();
        code.Label(ref target);
        code.nop();
    }

    private void PutTablePointer(ulong gpa, ulong address, ushort limit)
    {
        Put(gpa, limit | (address << 16));
        Put(gpa + 8, address >> 48);
    }
}
