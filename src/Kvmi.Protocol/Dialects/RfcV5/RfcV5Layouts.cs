using Kvmi.Protocol.Layouts;
using static Kvmi.Protocol.Layouts.LayoutFields;

namespace Kvmi.Protocol.Dialects.RfcV5;

/// <summary>Every message of the rfc-v5 dialect as fields (rfc-v5 3 and 4).</summary>
internal static class RfcV5Layouts
{
    // READ_PHYSICAL and WRITE_PHYSICAL stay inside one page (rfc-v5 3.8 and 3.9).
    private const int PageLength = 4096;

    private static readonly FieldLayout[] VcpuOnly = [U16("vcpu"), Pad(6)];

    private static readonly FieldLayout[] EventBase =
    [
        U32("event"), U16("vcpu"), U8("mode"), Pad(1), MachineLayouts.Regs, MachineLayouts.Sregs, MachineLayouts.EventMsrs,
    ];

    private static readonly FieldLayout[] NewValue = [U64("new_val")];

    private static readonly FieldLayout[] PageFaultExtra =
    [
        U8("singlestep"), U8("rep_complete"), Pad(2), U32("ctx_size"), Bytes("ctx_data", 256),
    ];

    public static DialectLayouts Table { get; } = new(
        KvmiDialect.RfcV5,
        "rfc-v5",
        [.. VmCommands(), .. VcpuCommands()],
        [new EventShape { MessageId = RfcV5Ids.Event, Base = EventBase, Events = Events() }],
        RfcV5Ids.EventReply,
        [U32("action"), U32("event")]);

    private static CommandLayout[] VmCommands() =>
    [
        new(1, "GET_VERSION", None, [U32("version"), U32("commands"), U32("events"), Pad(4)]),
        new(13, "READ_PHYSICAL", [U64("gpa"), U64("size")], [Tail("data", PageLength)]),
        new(14, "WRITE_PHYSICAL", [U64("gpa"), U64("size"), Tail("data", PageLength)], None),
        new(15, "GET_MAP_TOKEN", None, [U64("token0"), U64("token1"), U64("token2"), U64("token3")]),
        new(27, "PAUSE_ALL_VCPUS", None, [U32("vcpu_count"), Pad(4)]),
        new(28, "CONTROL_VM_EVENTS", [U32("events"), Pad(4)], None),
    ];

    private static CommandLayout[] VcpuCommands() =>
    [
        new(3, "GET_GUEST_INFO", VcpuOnly, [U32("vcpu_count"), Pad(4), U64("tsc_speed")]),
        new(6, "GET_REGISTERS", [U16("vcpu"), U16("nmsrs"), Pad(4), Numbers("idx", "nmsrs")], Registers()),
        new(7, "SET_REGISTERS", [.. VcpuOnly, MachineLayouts.Regs], None),
        new(10, "GET_PAGE_ACCESS", [U16("vcpu"), U16("count"), U16("view"), Pad(2), Entries("entries", "count", U64("gpa"))], [Tail("access")]),
        new(
            11,
            "SET_PAGE_ACCESS",
            [U16("vcpu"), U16("count"), U16("view"), Pad(2), Entries("entries", "count", U64("gpa"), U8("access"), Pad(7))],
            None),
        new(12, "INJECT_EXCEPTION", [U16("vcpu"), U8("nr"), U8("has_error"), U16("error_code"), Pad(2), U64("address")], None),
        new(17, "CONTROL_EVENTS", [U16("vcpu"), Pad(2), U32("events")], None),
        new(18, "CONTROL_CR", [U16("vcpu"), U8("enable"), Pad(1), U32("cr")], None),
        new(19, "CONTROL_MSR", [U16("vcpu"), U8("enable"), Pad(1), U32("msr")], None),
        new(25, "GET_CPUID", [.. VcpuOnly, U32("function"), U32("index")], [U32("eax"), U32("ebx"), U32("ecx"), U32("edx")]),
        new(26, "GET_XSAVE", VcpuOnly, [Tail("area")]),
    ];

    private static EventEntry[] Events() =>
    [
        new(0, "UNHOOK", None, None) { ExpectsReply = false },
        new(1, "CR", [U16("cr"), Pad(6), U64("old_value"), U64("new_value")], NewValue),
        new(2, "MSR", [U32("msr"), Pad(4), U64("old_value"), U64("new_value")], NewValue),
        new(3, "XSETBV", None, None),
        new(4, "BREAKPOINT", [U64("gpa")], None),
        new(5, "HYPERCALL", None, None),
        // "mode" in the document, a name that the base has already.
        new(6, "PF", [U64("gva"), U64("gpa"), U32("access"), Pad(4)], PageFaultExtra),
        new(7, "TRAP", [U32("vector"), U32("type"), U32("error_code"), Pad(4), U64("cr2")], None),

        // A union: on an AMD host the first two are the exit info, whose upper half is always 0, and padding (rfc-v5 4.6).
        new(8, "DESCRIPTOR", [U32("instr_info"), Pad(4), U64("exit_qualification"), U8("descriptor"), U8("write"), Pad(6)], None),
        new(9, "CREATE_VCPU", None, None),
        new(10, "PAUSE_VCPU", None, None),
    ];

    private static FieldLayout[] Registers() =>
    [
        U32("mode"), Pad(4), MachineLayouts.Regs, MachineLayouts.Sregs, U32("nmsrs"), Pad(4),
        Entries("msrs", "nmsrs", U32("index"), Pad(4), U64("data")),
    ];
}
