using Kvmi.Protocol.Layouts;
using static Kvmi.Protocol.Dialects.Later.LaterLayouts;
using static Kvmi.Protocol.Layouts.LayoutFields;

namespace Kvmi.Protocol.Dialects.V12;

/// <summary>Every message of v12 and v11 as fields (kvmi-later-dialects.md 3.6 to 3.9).</summary>
internal static class V12Layouts
{
    // READ_PHYSICAL and WRITE_PHYSICAL stay inside one page (3.6).
    private const int PageLength = 4096;

    private static readonly FieldLayout[] SetPageAccess =
        [U16("count"), Pad(6), Entries("entries", "count", U64("gpa"), U8("access"), Pad(7))];

    public static DialectLayouts V12 { get; } = Table(KvmiDialect.V12, "v12", [new(20, "VM_SET_PAGE_ACCESS", SetPageAccess, None)]);

    public static DialectLayouts V11 { get; } = Table(
        KvmiDialect.V11,
        "v11",
        [new(20, "VM_GET_MAX_GFN", None, [U64("gfn")]), new(22, "VM_SET_PAGE_ACCESS", SetPageAccess, None)]);

    private static DialectLayouts Table(KvmiDialect dialect, string name, CommandLayout[] own) =>
        new(dialect, name, [.. VmCommands(), .. VcpuCommands(), .. own], [VmEvents(), VcpuEvents()], V12Ids.VcpuEvent, EventReplyBase);

    private static CommandLayout[] VmCommands() =>
    [
        new(2, "GET_VERSION", None, [U32("version"), U32("max_msg_size"), Structure("features", U8("singlestep"), Pad(7))]),
        new(4, "VM_CHECK_COMMAND", [U16("id"), Pad(6)], None),
        new(6, "VM_CHECK_EVENT", [U16("id"), Pad(6)], None),
        new(8, "VM_GET_INFO", None, [U32("vcpu_count"), Pad(12)]),
        new(10, "VM_CONTROL_EVENTS", [U16("event"), U8("enable"), Pad(5)], None),
        new(12, "VM_READ_PHYSICAL", [U64("gpa"), U16("size"), Pad(6)], [Tail("data", PageLength)]),
        new(14, "VM_WRITE_PHYSICAL", [U64("gpa"), U16("size"), Pad(6), Tail("data", PageLength)], None),
        new(16, "VM_PAUSE_VCPU", [U16("vcpu"), U8("wait"), Pad(5)], None),
        new(18, "VM_CONTROL_CLEANUP", [U8("enable"), Pad(7)], None),
    ];

    private static CommandLayout[] VcpuCommands() =>
    [
        new(3, "VCPU_GET_INFO", VcpuHeader, [U64("tsc_speed")]),
        new(5, "VCPU_CONTROL_EVENTS", [.. VcpuHeader, U16("event"), U8("enable"), Pad(5)], None),
        new(7, "VCPU_GET_REGISTERS", [.. VcpuHeader, U16("nmsrs"), Pad(6), Numbers("idx", "nmsrs")], RegistersReply),
        new(9, "VCPU_SET_REGISTERS", [.. VcpuHeader, MachineLayouts.Regs], None),
        new(11, "VCPU_GET_CPUID", [.. VcpuHeader, U32("function"), U32("index")], [U32("eax"), U32("ebx"), U32("ecx"), U32("edx")]),
        new(13, "VCPU_CONTROL_CR", [.. VcpuHeader, U8("cr"), U8("enable"), Pad(6)], None),
        new(15, "VCPU_INJECT_EXCEPTION", [.. VcpuHeader, U8("nr"), Pad(3), U32("error_code"), U64("address")], None),
        new(17, "VCPU_GET_XCR", [.. VcpuHeader, U8("xcr"), Pad(7)], [U64("value")]),
        new(19, "VCPU_GET_XSAVE", VcpuHeader, [Bytes("area", 4096)]),
        new(21, "VCPU_SET_XSAVE", [.. VcpuHeader, Bytes("area", 4096)], None),
        new(23, "VCPU_GET_MTRR_TYPE", [.. VcpuHeader, U64("gpa")], [U8("type"), Pad(7)]),
        new(25, "VCPU_CONTROL_MSR", [.. VcpuHeader, U8("enable"), Pad(3), U32("msr")], None),
        new(27, "VCPU_CONTROL_SINGLESTEP", [.. VcpuHeader, U8("enable"), Pad(7)], None),
        new(29, "VCPU_TRANSLATE_GVA", [.. VcpuHeader, U64("gva")], [U64("gpa")]),
    ];

    private static EventShape VmEvents() => new()
    {
        MessageId = V12Ids.VmEvent,
        Base = [U16("event"), Pad(6)],
        Events = [new(0, "UNHOOK", None, None) { ExpectsReply = false }],
    };

    private static EventShape VcpuEvents() => new()
    {
        MessageId = V12Ids.VcpuEvent,
        Base =
        [
            U16("event"), Pad(6), U16("size"), U16("vcpu"), Pad(4), U8("mode"), Pad(7),
            MachineLayouts.Regs, MachineLayouts.Sregs, MachineLayouts.EventMsrs,
        ],
        Events =
        [
            new(1, "PAUSE", None, None),
            new(3, "HYPERCALL", None, None),
            new(5, "BREAKPOINT", [U64("gpa"), U8("insn_len"), Pad(7)], None),
            new(7, "CR", [U8("cr"), Pad(7), U64("old"), U64("new")], NewValue),
            new(9, "TRAP", [U8("nr"), Pad(3), U32("error_code"), U64("address")], None),
            new(11, "XSETBV", [U8("xcr"), Pad(7), U64("old"), U64("new")], None),
            new(13, "DESCRIPTOR", [U8("descriptor"), U8("write"), Pad(6)], None),
            new(15, "MSR", [U32("msr"), Pad(4), U64("old"), U64("new")], NewValue),
            new(17, "PF", [U64("gva"), U64("gpa"), U8("access"), Pad(7)], None),
            new(19, "SINGLESTEP", [U8("failed"), Pad(7)], None),
        ],
        SizeField = "size",
        SizeOrigin = 8,
    };
}
