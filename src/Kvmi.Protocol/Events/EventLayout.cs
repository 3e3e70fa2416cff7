using Kvmi.Protocol.Registers;

namespace Kvmi.Protocol.Events;

/// <summary>
/// Where the parts of an event message lie in one dialect. Offsets count from the first byte of the message
/// (header included); the machine state keeps its inner layout in every dialect (kvmi-later-dialects.md 5.3).
/// </summary>
internal sealed class EventLayout
{
    public required KvmiDialect Dialect { get; init; }

    public required int Mode { get; init; }

    /// <summary>Offset of the EPT view, or −1 where the event has none.</summary>
    public required int View { get; init; }

    public required int Regs { get; init; }

    public required int Sregs { get; init; }

    public required int Msrs { get; init; }

    /// <summary>Offset of the two bytes of a descriptor event inside its data: 16 in rfc-v5, 0 elsewhere.</summary>
    public int DescriptorData { get; init; }

    /// <summary>True where a page-fault event names the EPT view (v7).</summary>
    public bool PageFaultHasView { get; init; }

    /// <summary>True where a breakpoint event tells the instruction length.</summary>
    public bool BreakpointHasLength { get; init; } = true;

    /// <summary>True where a CR event has one byte for the register, and padding behind it (v11, v12).</summary>
    public bool CrIsByte { get; init; }

    /// <summary>True where an XSETBV event carries the register and both values (v11, v12).</summary>
    public bool XsetbvHasValues { get; init; }

    /// <summary>Zeros to read the machine state from, for an event that is its header alone (the VM events of v11 and v12); null elsewhere.</summary>
    public byte[]? NoState { get; private init; }

    /// <summary>The layout of an event without machine state.</summary>
    public static EventLayout WithoutMachineState(KvmiDialect dialect) => new()
    {
        Dialect = dialect,
        Mode = KvmRegs.Length,
        View = -1,
        Regs = 0,
        Sregs = 0,
        Msrs = 0,
        NoState = new byte[KvmSregs.Length],
    };
}
