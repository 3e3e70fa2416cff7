using System.Collections.Frozen;
using System.Globalization;
using System.Text;
using Kvmi.Protocol;

namespace Kvmi.Session.Vm;

/// <summary>What the attached VM offers: the dialect, and the commands and events that its administrator allows.</summary>
public sealed record VmCapabilities
{
    /// <summary>The detected dialect.</summary>
    public required KvmiDialect Dialect { get; init; }

    /// <summary>Commands that are known to the kernel and allowed.</summary>
    public required FrozenSet<CommandKind> Commands { get; init; }

    /// <summary>Commands that the kernel knows and the VM's administrator forbids.</summary>
    public FrozenSet<CommandKind> ForbiddenCommands { get; init; } = [];

    /// <summary>Commands of the dialect that this kernel does not know, because it is too old (v7 grew over the years).</summary>
    public FrozenSet<CommandKind> AbsentCommands { get; init; } = [];

    /// <summary>Events that are known to the kernel and allowed.</summary>
    public required FrozenSet<EventKind> Events { get; init; }

    /// <summary>Events that the kernel knows and the VM's administrator forbids.</summary>
    public FrozenSet<EventKind> ForbiddenEvents { get; init; } = [];

    /// <summary>Events of the dialect that this kernel does not know.</summary>
    public FrozenSet<EventKind> AbsentEvents { get; init; } = [];

    /// <summary>Largest payload of one message in bytes: what GET_VERSION told (v11, v12), or what the dialect takes; 0 when not known.</summary>
    public int MaxPayload { get; init; }

    /// <summary>Feature bytes of GET_VERSION as a little-endian number.</summary>
    public ulong Features { get; init; }

    /// <summary>
    /// First guest frame number that is not accessible: by GET_MAX_GFN, or else by what the device manager's hello said of the memory;
    /// null where neither tells.
    /// </summary>
    public ulong? MaxGfn { get; init; }

    /// <summary>One line for people: the limits, and the commands and events that cannot be used.</summary>
    public string Describe()
    {
        var text = new StringBuilder().Append(CultureInfo.InvariantCulture, $"messages up to {MaxPayload} bytes");
        if (MaxGfn is { } gfn)
        {
            text.Append(CultureInfo.InvariantCulture, $", guest frames up to 0x{gfn:x}");
        }

        Append(text, "forbidden commands", ForbiddenCommands);
        Append(text, "forbidden events", ForbiddenEvents);
        Append(text, "commands that this kernel does not know", AbsentCommands);
        Append(text, "events that this kernel does not know", AbsentEvents);
        return text.ToString();
    }

    private static void Append<T>(StringBuilder text, string title, FrozenSet<T> kinds)
        where T : struct, Enum
    {
        if (kinds.Count > 0)
        {
            text.Append(CultureInfo.InvariantCulture, $"; {title}: {string.Join(", ", kinds.Order())}");
        }
    }
}
