namespace Kvmi.Protocol.Ioctls;

/// <summary>
/// The ioctls with which a device manager hooks a VM, as one series numbers them (kvmi-later-dialects.md 2.7, rfc-v5 5.1 and 5.2). All of them
/// go to the descriptor of the VM. Pure data, immutable, for x86-64.
/// </summary>
public sealed class IntrospectionIoctls
{
    /// <summary>KVM_CHECK_EXTENSION: its argument is one of <see cref="Capabilities"/>; the result is the protocol version, 0 for "no".</summary>
    public const uint CheckExtension = 0xAE03;

    /// <summary>What <see cref="CheckExtension"/> answers on a kernel with introspection, whatever the series (kvmi-later-dialects.md 1.1).</summary>
    public const int ProtocolVersion = 1;

    private const uint Type = 0xAE;
    private const uint WriteDirection = 1;

    private IntrospectionIoctls(
        IntrospectionSeries series, KvmiDialect? dialect, int hookLength, byte hook, byte unhook, (byte Command, byte Event, byte? PreUnhook)? later, int[] capabilities)
    {
        Series = series;
        Dialect = dialect;
        HookLength = hookLength;
        Hook = Write(hook, hookLength);
        Unhook = Plain(unhook);
        if (later is { } numbers)
        {
            Command = Write(numbers.Command, AllowArgument.Length);
            Event = Write(numbers.Event, AllowArgument.Length);
            PreUnhook = numbers.PreUnhook is { } number ? Plain(number) : null;
        }

        Capabilities = capabilities;
    }

    /// <summary>Every series that is known, the oldest first.</summary>
    public static IReadOnlyList<IntrospectionIoctls> All { get; } =
    [
        new(IntrospectionSeries.RfcV5, KvmiDialect.RfcV5, MaskedHookArgument.Length, 0xFF, 0xFE, null, [999]),
        new(IntrospectionSeries.ListV6, null, HookArgument.Length, 0xFF, 0xFE, (0xFD, 0xFC, null), [999]),
        new(IntrospectionSeries.BranchV7, KvmiDialect.V7, HookArgument.Length, 0xFF, 0xFB, (0xFD, 0xFC, 0xFE), [180, 999]),
        new(IntrospectionSeries.ListV7, null, HookArgument.Length, 0xC3, 0xC4, (0xC5, 0xC6, 0xC7), [179]),
        new(IntrospectionSeries.ListV8, null, HookArgument.Length, 0xC3, 0xC4, (0xC5, 0xC6, 0xC7), [180]),
        new(IntrospectionSeries.ListV9, null, HookArgument.Length, 0xC3, 0xC4, (0xC5, 0xC6, 0xC7), [184]),
        new(IntrospectionSeries.ListV11, KvmiDialect.V11, HookArgument.Length, 0xC8, 0xC9, (0xCA, 0xCB, 0xCC), [193]),
        new(IntrospectionSeries.ListV12, KvmiDialect.V12, HookArgument.Length, 0xC8, 0xC9, (0xCA, 0xCB, 0xCC), [206]),
    ];

    /// <summary>Whose numbers these are.</summary>
    public IntrospectionSeries Series { get; }

    /// <summary>What such a kernel speaks on the socket; null for series of which no wire dialect is built here.</summary>
    public KvmiDialect? Dialect { get; }

    /// <summary>HOOK: takes a pointer to <see cref="HookLength"/> bytes.</summary>
    public uint Hook { get; }

    /// <summary>Bytes of the argument of HOOK: those of <see cref="MaskedHookArgument"/> in rfc-v5, of <see cref="HookArgument"/> in all others.</summary>
    public int HookLength { get; }

    /// <summary>
    /// UNHOOK, without argument. It ends the introspection, except in rfc-v5, where it only sends the UNHOOK event (rfc-v5 5.2).
    /// </summary>
    public uint Unhook { get; }

    /// <summary>COMMAND: takes a pointer to an <see cref="AllowArgument"/>; null in rfc-v5, where HOOK carries the mask.</summary>
    public uint? Command { get; }

    /// <summary>EVENT: takes a pointer to an <see cref="AllowArgument"/>; null in rfc-v5, where HOOK carries the mask.</summary>
    public uint? Event { get; }

    /// <summary>PREUNHOOK, without argument: sends the UNHOOK event; null in rfc-v5 and v6, which have no such ioctl.</summary>
    public uint? PreUnhook { get; }

    /// <summary>
    /// Numbers of KVM_CAP_INTROSPECTION, the likeliest first. They were never reserved: a kernel without introspection may use the same
    /// number for something else.
    /// </summary>
    public IReadOnlyList<int> Capabilities { get; }

    /// <summary>Gives the ioctls of a series.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such series.</exception>
    public static IntrospectionIoctls Of(IntrospectionSeries series) =>
        (uint)series < (uint)All.Count ? All[(int)series] : throw new ArgumentOutOfRangeException(nameof(series), series, "There is no such series.");

    /// <summary>Gives the ioctls of the kernels that speak a wire dialect.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such dialect.</exception>
    public static IntrospectionIoctls Of(KvmiDialect dialect) =>
        All.FirstOrDefault(ioctls => ioctls.Dialect == dialect)
        ?? throw new ArgumentOutOfRangeException(nameof(dialect), dialect, "There is no such dialect.");

    // The kernel's encoding: direction in bits 30 and 31, size from bit 16, type from bit 8, number.
    private static uint Write(byte number, int length) => (WriteDirection << 30) | ((uint)length << 16) | (Type << 8) | number;

    private static uint Plain(byte number) => (Type << 8) | number;
}
