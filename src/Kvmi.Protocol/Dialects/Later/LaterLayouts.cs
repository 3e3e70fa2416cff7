using Kvmi.Protocol.Layouts;
using static Kvmi.Protocol.Layouts.LayoutFields;

namespace Kvmi.Protocol.Dialects.Later;

/// <summary>Fields that v7, v11 and v12 have in common (kvmi-later-dialects.md 3.3, 3.7, 3.9).</summary>
internal static class LaterLayouts
{
    public static FieldLayout[] VcpuHeader { get; } = [U16("vcpu"), Pad(6)];

    public static FieldLayout[] EventReplyBase { get; } = [.. VcpuHeader, U8("action"), U8("event"), Pad(6)];

    /// <summary>Extra data of the reply to a CR or MSR event.</summary>
    public static FieldLayout[] NewValue { get; } = [U64("new_val")];

    /// <summary>Data of a GET_REGISTERS reply.</summary>
    public static FieldLayout[] RegistersReply { get; } =
    [
        U32("mode"), Pad(4), MachineLayouts.Regs, MachineLayouts.Sregs, U32("nmsrs"), Pad(4),
        Entries("msrs", "nmsrs", U32("index"), Pad(4), U64("data")),
    ];
}
