using System.Collections.Frozen;
using Kvmi.Protocol;

namespace Kvmi.Session.Vm;

/// <summary>What the attached VM offers: the dialect, and the commands and events that its administrator allows.</summary>
public sealed record VmCapabilities
{
    /// <summary>The detected dialect.</summary>
    public required KvmiDialect Dialect { get; init; }

    /// <summary>Commands that are known to the kernel and allowed.</summary>
    public required FrozenSet<CommandKind> Commands { get; init; }

    /// <summary>Events that are known to the kernel and allowed.</summary>
    public required FrozenSet<EventKind> Events { get; init; }

    /// <summary>Feature bytes of GET_VERSION as a little-endian number.</summary>
    public ulong Features { get; init; }

    /// <summary>First guest frame number that is not accessible; null where the dialect cannot tell.</summary>
    public ulong? MaxGfn { get; init; }
}
