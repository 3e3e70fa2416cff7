using Kvmi.Protocol.Layouts;
using static Kvmi.Protocol.Dialects.Later.LaterLayouts;
using static Kvmi.Protocol.Layouts.LayoutFields;

namespace Kvmi.Protocol.Dialects.V7;

/// <summary>
/// Every message of the v7 dialect as fields (kvmi-later-dialects.md 4.1 to 4.4; structures that it takes over unchanged:
/// 3.6 to 3.9).
/// </summary>
internal static class V7Layouts
{
    // READ_PHYSICAL and WRITE_PHYSICAL stay inside one page (3.6).
    private const int PageLength = 4096;
    private const int XsaveLength = 4096;

    private static readonly FieldLayout[] EventBase =
    [
        U16("size"), U16("vcpu"), U8("event"), Pad(3), U8("mode"), Pad(1), U16("view"), Pad(4),
        MachineLayouts.Regs, MachineLayouts.Sregs, MachineLayouts.EventMsrs,
    ];

    // Byte 12 must be 0 for the kernel, although libkvmi's header names it singlestep (4.3).
    private static readonly FieldLayout[] PageFaultExtra =
    [
        U64("ctx_addr"), U32("ctx_size"), Pad(1), U8("rep_complete"), Pad(2), Bytes("ctx", 256),
    ];

    public static DialectLayouts Table { get; } = new(
        KvmiDialect.V7,
        "v7",
        [.. VmCommands(), .. VcpuCommands(), .. ViewCommands()],
        [new EventShape { MessageId = V7Ids.Event, Base = EventBase, Events = Events(), SizeField = "size" }],
        V7Ids.EventReply,
        EventReplyBase);

    private static CommandLayout[] VmCommands() =>
    [
        new(2, "GET_VERSION", None, [U32("version"), Pad(4), Structure("features", U8("spp"), U8("vmfunc"), U8("eptp"), U8("ve"), U8("singlestep"), Pad(3))]),
        new(3, "CHECK_COMMAND", [U16("id"), Pad(6)], None),
        new(4, "CHECK_EVENT", [U16("id"), Pad(6)], None),
        new(5, "GET_GUEST_INFO", None, [U32("vcpu_count"), Pad(12)]),
        new(8, "CONTROL_VM_EVENTS", [U16("event"), U8("enable"), Pad(5)], None),
        new(17, "READ_PHYSICAL", [U64("gpa"), U64("size")], [Tail("data", PageLength)]),
        new(18, "WRITE_PHYSICAL", [U64("gpa"), U64("size"), Tail("data", PageLength)], None),
        new(21, "SET_PAGE_ACCESS", [U16("view"), U16("count"), Pad(4), Entries("entries", "count", U64("gpa"), U8("access"), Pad(7))], None),
        new(22, "GET_MAP_TOKEN", None, [U64("token0"), U64("token1"), U64("token2"), U64("token3")]),
        new(27, "CONTROL_CMD_RESPONSE", [U8("enable"), U8("now"), U8("flags"), Pad(5)], None),
        new(29, "GET_MAX_GFN", None, [U64("gfn")]),
        new(31, "GET_NEXT_AVAILABLE_GFN", None, [U64("gfn")]),
        new(39, "QUERY_PHYSICAL", [U64("gfn")], [U64("gfn"), U64("size")]),
    ];

    private static CommandLayout[] VcpuCommands() =>
    [
        new(6, "GET_VCPU_INFO", VcpuHeader, [U64("tsc_speed")]),
        new(7, "PAUSE_VCPU", [.. VcpuHeader, U8("wait"), Pad(7)], None),
        new(9, "CONTROL_EVENTS", [.. VcpuHeader, U16("event"), U8("enable"), Pad(5)], None),
        new(10, "CONTROL_CR", [.. VcpuHeader, U8("enable"), Pad(3), U32("cr")], None),
        new(11, "CONTROL_MSR", [.. VcpuHeader, U8("enable"), Pad(3), U32("msr")], None),
        new(13, "GET_REGISTERS", [.. VcpuHeader, U16("nmsrs"), Pad(6), Numbers("idx", "nmsrs")], RegistersReply),
        new(14, "SET_REGISTERS", [.. VcpuHeader, MachineLayouts.Regs], None),
        new(15, "GET_CPUID", [.. VcpuHeader, U32("function"), U32("index")], [U32("eax"), U32("ebx"), U32("ecx"), U32("edx")]),
        new(16, "GET_XSAVE", VcpuHeader, [Tail("area", XsaveLength)]),
        new(19, "INJECT_EXCEPTION", [.. VcpuHeader, U8("nr"), Pad(3), U32("error_code"), U64("address")], None),
        new(23, "GET_MTRR_TYPE", [.. VcpuHeader, U64("gpa")], [U8("type"), Pad(7)]),
        new(35, "TRANSLATE_GVA", [.. VcpuHeader, U64("gva")], [U64("gpa")]),
        new(37, "GET_XCR", [.. VcpuHeader, U8("xcr"), Pad(7)], [U64("value")]),
        new(38, "SET_XSAVE", [.. VcpuHeader, Tail("area", XsaveLength)], None),
        new(41, "ALLOC_GFN", [.. VcpuHeader, U64("gfn")], None),
        new(42, "FREE_GFN", [.. VcpuHeader, U64("gfn")], None),
        new(60, "CHANGE_GFN", [.. VcpuHeader, U16("view"), Pad(6), U64("old"), U64("new")], None)
        {
            // Before December 2023 (4.2); the captured kernel takes this one.
            OldRequest = [.. VcpuHeader, U64("old"), U64("new")],
        },
        new(63, "CONTROL_SINGLESTEP", [.. VcpuHeader, U8("enable"), Pad(7)], None),
    ];

    private static CommandLayout[] ViewCommands() =>
    [
        new(12, "CONTROL_VE", None, None) { IsReserved = true },
        new(24, "CONTROL_SPP", [U8("enable"), Pad(7)], None),
        new(26, "SET_PAGE_WRITE_BITMAP", [U16("view"), U16("count"), Pad(4), Entries("entries", "count", U64("gpa"), U32("bitmap"), Pad(4))], None),
        new(28, "SET_VE_INFO_PAGE", [.. VcpuHeader, U64("gpa"), U8("trigger_vmexit"), Pad(7)], None),
        new(30, "SET_PAGE_SVE", [U16("view"), U8("sve"), Pad(5), U64("gpa")], None),
        new(32, "SWITCH_EPT_VIEW", [.. VcpuHeader, U16("view"), Pad(6)], None),
        new(33, "DISABLE_VE", VcpuHeader, None),
        new(34, "GET_EPT_VIEW", VcpuHeader, [U16("view"), Pad(6)]),
        new(36, "CONTROL_EPT_VIEW", [.. VcpuHeader, U16("view"), U8("visible"), Pad(5)], None),
        new(43, "CREATE_EPT_VIEW", None, [U16("view"), Pad(6)]),
        new(44, "DESTROY_EPT_VIEW", [U16("view"), Pad(6)], None),
    ];

    private static EventEntry[] Events() =>
    [
        new(0, "UNHOOK", None, None) { ExpectsReply = false },
        new(1, "CR", [U16("cr"), Pad(6), U64("old"), U64("new")], NewValue),
        new(2, "MSR", [U32("msr"), Pad(4), U64("old"), U64("new")], NewValue),
        new(3, "XSETBV", None, None),
        new(4, "BREAKPOINT", [U64("gpa"), U8("insn_len"), Pad(7)], None),
        new(5, "HYPERCALL", None, None),
        new(6, "PF", [U64("gva"), U64("gpa"), U8("access"), Pad(1), U16("pf_view"), Pad(4)], PageFaultExtra),
        new(7, "TRAP", [U8("vector"), Pad(3), U32("error_code"), U64("cr2")], None),
        new(8, "DESCRIPTOR", [U8("descriptor"), U8("write"), Pad(6)], None),
        new(9, "CREATE_VCPU", None, None),
        new(10, "PAUSE_VCPU", None, None),
        new(11, "SINGLESTEP", [U8("failed"), Pad(7)], None),
        new(12, "CMD_ERROR", [S32("err"), U32("msg_seq"), U16("msg_id"), Pad(6)], None) { ExpectsReply = false },
        new(13, "CPUID", [U32("function"), U32("index"), U8("insn_len"), Pad(7)], None),
    ];
}
