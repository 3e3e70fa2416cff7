using System.Runtime.InteropServices;
using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Dialects;
using Kvmi.Protocol.Events;
using Kvmi.Protocol.Registers;
using Kvmi.TestSupport;

namespace Kvmi.Protocol.Tests.Dialects.RfcV5;

/// <summary>The vectors again, from what the specification says of each in words, through the typed writers.</summary>
internal static class RfcV5Typed
{
    private static readonly Dialect Codec = Dialect.Find(KvmiDialect.RfcV5)!;

    public static VcpuState StateA { get; } = new()
    {
        Mode = 8,
        Regs = MemoryMarshal.Read<KvmRegs>(RfcV5Vectors.Block),
        Sregs = MemoryMarshal.Read<KvmSregs>(RfcV5Vectors.Block.AsSpan(144)),
        Msrs = MemoryMarshal.Read<KvmEventMsrs>(RfcV5Vectors.Block.AsSpan(456)),
    };

    /// <summary>What the tool's end writes.</summary>
    public static int Tool(string name, Span<byte> to) => name switch
    {
        "C1" => Codec.WriteEmpty(to, 0x1001, CommandKind.GetVersion),
        "C4" => Codec.WriteEmpty(to, 0x1002, CommandKind.GetVmInfo),
        "C6" => Codec.WriteEmpty(to, 0x1003, CommandKind.PauseAllVcpus),
        "C8" => Codec.WriteGetRegisters(to, 0x1004, 1, []),
        "C10" => Codec.WriteGetRegisters(to, 0x1005, 0, [0xC000_0080, 0x176]),
        "C13" => Codec.WriteSetRegisters(to, 0x1006, 0, StateA.Regs),
        "C15" => Codec.Write(to, 0x1007, new GetCpuid(2, 0x8000_0001, 0)),
        "C18" => Codec.WriteGetPageAccess(to, 0x1008, 0, 0, [0x1000, 0x7FFF_F123]),
        "C20" => Codec.WriteGetPageAccess(to, 0x1009, 0, 0, []),
        "C22" => Codec.WriteSetPageAccess(
            to, 0x100A, 0, [new PageAccessEntry(0x1AA_A000, PageAccess.ReadExecute), new PageAccessEntry(0x1AA_B000, PageAccess.ReadWrite)]),
        "C24" => Codec.WriteSetPageAccess(to, 0x100B, 0, 1, [new PageAccessEntry(0x1AA_A000, PageAccess.All)]),
        "C26" => Codec.Write(to, 0x100C, new InjectException(1, 14, 6, 0x7FFF_DEAD_B000)),
        "C27" => Codec.Write(to, 0x100D, new InjectException(1, 6, 0, 0)),
        "C28" => Codec.Write(to, 0x100E, new ReadPhysical(0x1FF0, 16)),
        "C31" => Codec.Write(to, 0x100F, new WritePhysical(0x2FFE, [0xCC, 0x90])),
        "C33" => Codec.WriteEmpty(to, 0x1010, CommandKind.GetMapToken),
        "C36" => Codec.Write(to, 0x1011, new ControlEventMask(0, 0x56)),
        "C37" => Codec.Write(to, 0x1012, new ControlEventMask(0, 0x200)),
        "C38" => Codec.Write(to, 0x1013, new ControlCr(0, 3, 1)),
        "C39" => Codec.Write(to, 0x1014, new ControlMsr(3, 0xC000_0082, 1)),
        "C40" => Codec.Write(to, 0x1015, new ControlVmEventMask(0x201)),
        "C41" => Codec.WriteVcpuOnly(to, 0x1016, CommandKind.GetXsave, 0),
        "R1" => Codec.WriteEventReply(to, 1, 0, EventKind.Cr, new EventReply { NewValue = 0x1BB_B000 }),
        "R2" => Codec.WriteEventReply(to, 2, 1, EventKind.Msr, new EventReply { NewValue = 0xFFFF_FFFF_8180_0010 }),
        "R4" => Codec.WriteEventReply(to, 4, 0, EventKind.Breakpoint, new EventReply { Action = EventAction.Retry }),
        "R6" => Codec.WriteEventReply(to, 6, 2, EventKind.PageFault, new EventReply { Action = EventAction.Retry, Singlestep = 1 }),
        "R7" => Codec.WriteEventReply(
            to, 7, 2, EventKind.PageFault, new EventReply { RepComplete = 1, Context = [0x90, 0x91, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97] }),
        "R13" => Codec.WriteEventReply(to, 13, 3, EventKind.PauseVcpu, default),
        "R13c" => Codec.WriteEventReply(to, 13, 3, EventKind.PauseVcpu, new EventReply { Action = EventAction.Crash }),
        _ => 0,
    };

    /// <summary>What the kernel's end writes.</summary>
    public static int Kernel(string name, Span<byte> to)
    {
        Span<byte> data = new byte[4200];
        return name switch
        {
            "C2" => Reply(to, 1, 0x1001, data[..Codec.WriteData(data, new VersionReply(1, 0, 0) { CommandMask = 0x1F8E_FCCA, EventMask = 0x7FF })]),
            "C3" => Reply(to, 1, 0x1001, data[..Codec.WriteData(data, new VersionReply(1, 0, 0) { CommandMask = 0x0180_200A, EventMask = 0x42 })]),
            "C5" => Reply(to, 3, 0x1002, data[..Codec.WriteData(data, new VmInfoReply(4, 2_400_000_000))]),
            "C7" => Reply(to, 27, 0x1003, data[..Codec.WritePauseAllData(data, 4)]),
            "C9" => Reply(to, 6, 0x1004, data[..Codec.WriteRegistersData(data, StateA, [])]),
            "C11" => Reply(
                to,
                6,
                0x1005,
                data[..Codec.WriteRegistersData(data, StateA, [new MsrEntry(0xC000_0080, 0xD01), new MsrEntry(0x176, 0xFFFF_FFFF_8180_1000)])]),
            "C12" => Codec.WriteReply(to, 6, 0x1005, KvmiError.InvalidArgument),
            "C14" => Codec.WriteReply(to, 7, 0x1006, KvmiError.None),
            "C16" => Reply(to, 25, 0x1007, data[..Codec.WriteData(data, new CpuidReply(0x306A9, 0, 1, 0x2810_0800))]),
            "C17" => Codec.WriteReply(to, 25, 0x1007, KvmiError.NoEntry),
            "C19" => Reply(to, 10, 0x1008, [7, 5]),
            "C21" => Reply(to, 10, 0x1009, []),
            "C23" => Codec.WriteReply(to, 11, 0x100A, KvmiError.None),
            "C25" => Codec.WriteReply(to, 11, 0x100B, KvmiError.InvalidArgument),
            "C29" => Reply(to, 13, 0x100E, RfcV5Vectors.Bytes("C29").AsSpan(16)),
            "C30" => Codec.WriteReply(to, 13, 0x100E, KvmiError.InvalidArgument),
            "C32" => Codec.WriteReply(to, 14, 0x100F, KvmiError.None),
            "C34" => Reply(
                to,
                15,
                0x1010,
                data[..Codec.WriteData(data, new MapToken(0x0706_0504_0302_0100, 0x0F0E_0D0C_0B0A_0908, 0x1716_1514_1312_1110, 0x1F1E_1D1C_1B1A_1918))]),
            "C35" => Codec.WriteReply(to, 15, 0x1010, KvmiError.TryAgain),
            "C42" => Reply(to, 26, 0x1016, [.. Enumerable.Range(0, 4096).Select(number => (byte)number)]),
            "C43" => Codec.WriteReply(to, 6, 0x1017, KvmiError.TryAgain),
            "C44" => Codec.WriteReply(to, 14, 0x1018, KvmiError.AccessDenied),
            "C45" => Codec.WriteReply(to, 28, 0x1019, KvmiError.NotPermitted),
            "C47" => Codec.WriteReply(to, 2, 0x101A, KvmiError.NoSuchCommand),
            _ => Event(name, to),
        };
    }

    private static int Event(string name, Span<byte> to) => name switch
    {
        "E1" => Codec.WriteEvent(to, 1, 0, StateA, EventBody.Cr(3, 0x1AA_A000, 0x1BB_B000)),
        "E2" => Codec.WriteEvent(to, 2, 1, StateA, EventBody.Msr(0xC000_0082, 0xFFFF_FFFF_8180_0010, 0xFFFF_FFFF_C000_1000)),
        "E3" => Codec.WriteEvent(to, 3, 0, StateA, EventBody.Xsetbv(0, 1, 3)),
        "E4" => Codec.WriteEvent(to, 4, 0, StateA, EventBody.Breakpoint(0x123_4567, 1)),
        "E5" => Codec.WriteEvent(to, 5, 0, StateA, EventBody.Plain(EventKind.Hypercall)),
        "E6" => Codec.WriteEvent(to, 6, 2, StateA, EventBody.PageFault(0xFFFF_8880_0000_1000, 0x1AA_B000, PageAccess.Execute)),
        "E7" => Codec.WriteEvent(to, 7, 2, StateA, EventBody.PageFault(0xFFFF_8880_0000_2008, 0x1AA_A008, PageAccess.Read)),
        "E8" => Codec.WriteEvent(to, 8, 0, StateA, EventBody.Trap(0x20, 0, 0x7FFF_DEAD_B000)),
        "E9" => Codec.WriteEvent(to, 9, 0, StateA, EventBody.Trap(13, 0x18, 0, 0x300)),
        "E10" => Codec.WriteEvent(to, 10, 0, StateA, EventBody.Descriptor(DescriptorTable.Idtr, write: true, 0x1234_5678, 0xFFFF_FFFF_FFFF_FFF0)),
        "E11" => Codec.WriteEvent(to, 11, 0, StateA, EventBody.Descriptor(DescriptorTable.Tr, write: false, 0x89AB_CDEF)),
        "E12" => Codec.WriteEvent(to, 12, 4, StateA, EventBody.Plain(EventKind.CreateVcpu)),
        "E13" => Codec.WriteEvent(to, 13, 3, StateA, EventBody.Plain(EventKind.PauseVcpu)),
        "E14" => Codec.WriteEvent(to, 14, 0, StateA, EventBody.Plain(EventKind.Unhook)),
        _ => 0,
    };

    private static int Reply(Span<byte> to, ushort id, uint sequence, ReadOnlySpan<byte> data) => Codec.WriteReply(to, id, sequence, data);
}
