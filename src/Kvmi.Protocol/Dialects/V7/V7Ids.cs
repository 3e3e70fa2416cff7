using Kvmi.Protocol.Dialects.Later;

namespace Kvmi.Protocol.Dialects.V7;

/// <summary>Wire ids of the v7 dialect (kvmi-later-dialects.md 4.2 and 4.3). Events share the numbers of <see cref="EventKind"/>.</summary>
internal static class V7Ids
{
    /// <summary>Message id of an event reply, tool to kernel.</summary>
    public const ushort EventReply = 0;

    /// <summary>Message id of every event, kernel to tool.</summary>
    public const ushort Event = 1;

    /// <summary>First event id that does not exist.</summary>
    public const ushort EventLimit = 14;

    /// <summary>Wire ids of the commands.</summary>
    public static readonly CommandIds Commands = new(
        (CommandKind.GetVersion, 2),
        (CommandKind.CheckCommand, 3),
        (CommandKind.CheckEvent, 4),
        (CommandKind.GetVmInfo, 5),
        (CommandKind.GetVcpuInfo, 6),
        (CommandKind.PauseVcpu, 7),
        (CommandKind.ControlVmEvents, 8),
        (CommandKind.ControlEvents, 9),
        (CommandKind.ControlCr, 10),
        (CommandKind.ControlMsr, 11),
        (CommandKind.ControlVe, 12),
        (CommandKind.GetRegisters, 13),
        (CommandKind.SetRegisters, 14),
        (CommandKind.GetCpuid, 15),
        (CommandKind.GetXsave, 16),
        (CommandKind.ReadPhysical, 17),
        (CommandKind.WritePhysical, 18),
        (CommandKind.InjectException, 19),
        (CommandKind.SetPageAccess, 21),
        (CommandKind.GetMapToken, 22),
        (CommandKind.GetMtrrType, 23),
        (CommandKind.ControlSpp, 24),
        (CommandKind.SetPageWriteBitmap, 26),
        (CommandKind.ControlCommandResponse, 27),
        (CommandKind.SetVeInfoPage, 28),
        (CommandKind.GetMaxGfn, 29),
        (CommandKind.SetPageSve, 30),
        (CommandKind.GetNextAvailableGfn, 31),
        (CommandKind.SwitchEptView, 32),
        (CommandKind.DisableVe, 33),
        (CommandKind.GetEptView, 34),
        (CommandKind.TranslateGva, 35),
        (CommandKind.ControlEptView, 36),
        (CommandKind.GetXcr, 37),
        (CommandKind.SetXsave, 38),
        (CommandKind.QueryPhysical, 39),
        (CommandKind.AllocGfn, 41),
        (CommandKind.FreeGfn, 42),
        (CommandKind.CreateEptView, 43),
        (CommandKind.DestroyEptView, 44),
        (CommandKind.ChangeGfn, 60),
        (CommandKind.ControlSinglestep, 63));
}
