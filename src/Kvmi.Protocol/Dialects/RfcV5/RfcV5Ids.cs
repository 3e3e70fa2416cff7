using System.Collections.Frozen;

namespace Kvmi.Protocol.Dialects.RfcV5;

/// <summary>Wire ids of the rfc-v5 dialect (rfc-v5 2.1). Events share the numbers of <see cref="EventKind"/>.</summary>
internal static class RfcV5Ids
{
    /// <summary>Message id of every event, kernel to tool.</summary>
    public const ushort Event = 23;

    /// <summary>Message id of an event reply, tool to kernel.</summary>
    public const ushort EventReply = 24;

    /// <summary>First message id that ends the session.</summary>
    public const ushort Limit = 29;

    /// <summary>First event id that does not exist.</summary>
    public const ushort EventLimit = 11;

    private static readonly FrozenDictionary<CommandKind, ushort> ByKind = new Dictionary<CommandKind, ushort>
    {
        [CommandKind.GetVersion] = 1,
        [CommandKind.GetVmInfo] = 3,
        [CommandKind.GetRegisters] = 6,
        [CommandKind.SetRegisters] = 7,
        [CommandKind.GetPageAccess] = 10,
        [CommandKind.SetPageAccess] = 11,
        [CommandKind.InjectException] = 12,
        [CommandKind.ReadPhysical] = 13,
        [CommandKind.WritePhysical] = 14,
        [CommandKind.GetMapToken] = 15,
        [CommandKind.ControlEvents] = 17,
        [CommandKind.ControlCr] = 18,
        [CommandKind.ControlMsr] = 19,
        [CommandKind.GetCpuid] = 25,
        [CommandKind.GetXsave] = 26,
        [CommandKind.PauseAllVcpus] = 27,
        [CommandKind.ControlVmEvents] = 28,
    }.ToFrozenDictionary();

    private static readonly CommandKind?[] ById = BuildById();

    public static bool TryGetId(CommandKind kind, out ushort id) => ByKind.TryGetValue(kind, out id);

    public static bool TryGetKind(ushort id, out CommandKind kind)
    {
        if (id < ById.Length && ById[id] is { } found)
        {
            kind = found;
            return true;
        }

        kind = default;
        return false;
    }

    private static CommandKind?[] BuildById()
    {
        var table = new CommandKind?[Limit];
        foreach (var (kind, id) in ByKind)
        {
            table[id] = kind;
        }

        return table;
    }
}
