using Kvmi.Protocol.Dialects.Later;

namespace Kvmi.Protocol.Dialects.V12;

/// <summary>
/// Wire ids of v12 and v11 (kvmi-later-dialects.md 1.4, 3.6 to 3.8). Messages and events of the VM have even ids, those of a vCPU odd ones.
/// </summary>
internal static class V12Ids
{
    /// <summary>Message id of UNHOOK, the one event of the VM, kernel to tool.</summary>
    public const ushort VmEvent = 0;

    /// <summary>Message id of every event of a vCPU, and of its reply.</summary>
    public const ushort VcpuEvent = 1;

    private static readonly (CommandKind, ushort)[] Common =
    [
        (CommandKind.GetVersion, 2),
        (CommandKind.GetVcpuInfo, 3),
        (CommandKind.CheckCommand, 4),
        (CommandKind.ControlEvents, 5),
        (CommandKind.CheckEvent, 6),
        (CommandKind.GetRegisters, 7),
        (CommandKind.GetVmInfo, 8),
        (CommandKind.SetRegisters, 9),
        (CommandKind.ControlVmEvents, 10),
        (CommandKind.GetCpuid, 11),
        (CommandKind.ReadPhysical, 12),
        (CommandKind.ControlCr, 13),
        (CommandKind.WritePhysical, 14),
        (CommandKind.InjectException, 15),
        (CommandKind.PauseVcpu, 16),
        (CommandKind.GetXcr, 17),
        (CommandKind.ControlCleanup, 18),
        (CommandKind.GetXsave, 19),
        (CommandKind.SetXsave, 21),
        (CommandKind.GetMtrrType, 23),
        (CommandKind.ControlMsr, 25),
        (CommandKind.ControlSinglestep, 27),
        (CommandKind.TranslateGva, 29),
    ];

    private static readonly EventKind?[] EventById = new EventKind?[20];
    private static readonly ushort?[] EventByKind = new ushort?[Enum.GetValues<EventKind>().Length];

    static V12Ids()
    {
        (EventKind Kind, ushort Id)[] events =
        [
            (EventKind.Unhook, 0), (EventKind.PauseVcpu, 1), (EventKind.Hypercall, 3), (EventKind.Breakpoint, 5), (EventKind.Cr, 7),
            (EventKind.Trap, 9), (EventKind.Xsetbv, 11), (EventKind.Descriptor, 13), (EventKind.Msr, 15), (EventKind.PageFault, 17),
            (EventKind.Singlestep, 19),
        ];
        foreach (var (kind, id) in events)
        {
            EventById[id] = kind;
            EventByKind[(int)kind] = id;
        }
    }

    /// <summary>Commands of v12.</summary>
    public static CommandIds Commands { get; } = new([.. Common, (CommandKind.SetPageAccess, 20)]);

    /// <summary>Commands of v11: what v12 dropped has the number that v12 gave to SET_PAGE_ACCESS.</summary>
    public static CommandIds CommandsOfV11 { get; } = new([.. Common, (CommandKind.GetMaxGfn, 20), (CommandKind.SetPageAccess, 22)]);

    public static bool TryGetEvent(ushort id, out EventKind kind)
    {
        var found = id < EventById.Length ? EventById[id] : null;
        kind = found ?? default;
        return found is not null;
    }

    public static bool TryGetEventId(EventKind kind, out ushort id)
    {
        var found = (uint)kind < (uint)EventByKind.Length ? EventByKind[(int)kind] : null;
        id = found ?? 0;
        return found is not null;
    }
}
