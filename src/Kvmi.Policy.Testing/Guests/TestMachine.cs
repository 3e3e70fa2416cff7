using System.Buffers.Binary;
using Kvmi.Protocol.Registers;

namespace Kvmi.Policy.Testing.Guests;

/// <summary>
/// The vCPU that policy tests start from: long mode as a 64-bit Linux kernel has it, ring 0, and page tables that map guest-virtual
/// memory in three fixed ways, so that a test gives one address and can compute the other: kernel text at
/// 0xffffffff80000000 + gpa (1 GiB) with modules behind it, the direct map at 0xffff888000000000 + gpa (512 GiB), and
/// gva = gpa below 512 GiB, open to user code.
/// </summary>
public static class TestMachine
{
    /// <summary>Root of the page tables where a step does not give another one.</summary>
    public const ulong DefaultRoot = TableBase;

    /// <summary>Selector of kernel code; CPL 0.</summary>
    public const ushort KernelCode = 0x10;

    /// <summary>Selector of user code; CPL 3.</summary>
    public const ushort UserCode = 0x33;

    // Tables lie below the 1 TiB mark: no test watches pages there by chance.
    private const ulong TableBase = 0xff_ffff_0000;
    private const ulong LowTable = TableBase + 0x1000;
    private const ulong KernelTable = TableBase + 0x2000;
    private const ulong RootMask = 0x000f_ffff_ffff_f000;
    private const ulong PresentWritable = 3;
    private const ulong User = 4;
    private const ulong LargePage = 0x80;
    private const int Entries = 512;

    /// <summary>Machine state in ring 0.</summary>
    public static VcpuState KernelState()
    {
        var state = default(VcpuState);
        state.Mode = 8;
        state.Regs.Rip = 0xffff_ffff_8100_0000;
        state.Regs.Rsp = 0xffff_c900_0000_4000;
        state.Regs.Rflags = 0x202;
        SetCodeSelector(ref state, KernelCode);
        state.Sregs.Cr0 = 0x8005_0033;
        state.Sregs.Cr3 = DefaultRoot;
        state.Sregs.Cr4 = 0x0037_06f0;
        state.Sregs.Efer = 0xd01;
        state.Msrs.Efer = state.Sregs.Efer;
        state.Msrs.Star = 0x0023_0010_0000_0000;
        state.Msrs.Lstar = 0xffff_ffff_81e0_0080;
        return state;
    }

    /// <summary>Sets CS and SS so that the privilege level is the selector's RPL: 0x10 is ring 0, 0x33 ring 3.</summary>
    public static void SetCodeSelector(ref VcpuState state, ushort selector)
    {
        var level = (byte)(selector & 3);
        state.Sregs.Cs = new KvmSegment
        {
            Selector = selector,
            Limit = uint.MaxValue,
            Type = 11,
            Present = 1,
            Dpl = level,
            S = 1,
            L = 1,
            G = 1,
        };
        state.Sregs.Ss = new KvmSegment
        {
            Selector = level == 0 ? (ushort)0x18 : (ushort)0x2b,
            Limit = uint.MaxValue,
            Type = 3,
            Present = 1,
            Dpl = level,
            Db = 1,
            S = 1,
            G = 1,
        };
    }

    /// <summary>Writes the page tables for a root, unless the page of the root holds something already.</summary>
    /// <param name="memory">Guest memory.</param>
    /// <param name="cr3">CR3; its flags are ignored.</param>
    public static void MapRoot(FakeMemory memory, ulong cr3)
    {
        ArgumentNullException.ThrowIfNull(memory);
        var root = cr3 & RootMask;
        if (memory.Exists(root))
        {
            return;
        }

        if (!memory.Exists(LowTable))
        {
            for (var i = 0; i < Entries; i++)
            {
                Entry(memory, LowTable, i, ((ulong)i << 30) | LargePage | PresentWritable | User);
            }

            Entry(memory, KernelTable, Entries - 2, LargePage | PresentWritable);
            Entry(memory, KernelTable, Entries - 1, (1UL << 30) | LargePage | PresentWritable);
        }

        Entry(memory, root, 0, LowTable | PresentWritable | User);
        Entry(memory, root, (int)((0xffff_8880_0000_0000 >> 39) & 0x1ff), LowTable | PresentWritable);
        Entry(memory, root, Entries - 1, KernelTable | PresentWritable);
    }

    /// <summary>True for the MSRs that events carry.</summary>
    internal static bool HasMsr(uint index) =>
        index is 0x174 or 0x175 or 0x176 or 0x277 or 0xc000_0080 or 0xc000_0081 or 0xc000_0082 or 0xc000_0083 or 0xc000_0102;

    /// <summary>Value of one of the nine MSRs of an event, by number; 0 for every other MSR.</summary>
    public static ulong MsrValue(in KvmEventMsrs msrs, uint index) => index switch
    {
        0x174 => msrs.SysenterCs,
        0x175 => msrs.SysenterEsp,
        0x176 => msrs.SysenterEip,
        0x277 => msrs.Pat,
        0xc000_0080 => msrs.Efer,
        0xc000_0081 => msrs.Star,
        0xc000_0082 => msrs.Lstar,
        0xc000_0083 => msrs.Cstar,
        0xc000_0102 => msrs.ShadowGs,
        _ => 0,
    };

    private static void Entry(FakeMemory memory, ulong table, int index, ulong value)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        memory.Write(table + ((ulong)index * 8), bytes);
    }
}
