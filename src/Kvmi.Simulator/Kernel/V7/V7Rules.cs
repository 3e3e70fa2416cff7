using System.Buffers.Binary;
using Kvmi.Protocol;
using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Dialects;

namespace Kvmi.Simulator.Kernel.V7;

/// <summary>
/// The kernel of the community branch kvmi-v7: kvmi-later-dialects.md section 4, and where a captured kernel
/// (kvmi-v7-*.hex) answers otherwise, as captured.
/// </summary>
internal sealed class V7Rules : KernelRules
{
    public static readonly V7Rules Instance = new();

    private const int VcpuHeader = 8;
    private const ulong SinglestepFeature = 1UL << 32;

    private V7Rules()
    {
    }

    public override Dialect Dialect { get; } = Dialect.Find(KvmiDialect.V7)!;

    // The max-message word is a plain zero in this dialect; of the features only single-step exists in the model machine (4.1).
    public override VersionReply Version => new(1, 0, SinglestepFeature);

    public override KvmiError UnknownIdInCheck => KvmiError.InvalidArgument;

    public override bool EnableIsChecked => false;

    public override bool ForbiddenPauseCloses => true;

    public override bool UnsupportedActionCloses => false;

    // Captured: kvmi-v7-pagefault.hex restricts 0x7fffff000, far above memory, and gets 0.
    public override KvmiError PageAccessOutsideMemory => KvmiError.None;

    public override bool Knows(CommandKind kind) => kind switch
    {
        // Reserved, or from the builds of 2023 whose kernel side nobody has captured.
        CommandKind.ControlVe or CommandKind.GetNextAvailableGfn or CommandKind.QueryPhysical or CommandKind.AllocGfn
            or CommandKind.FreeGfn or CommandKind.CreateEptView or CommandKind.DestroyEptView => false,
        _ => Dialect.TryGetCommandId(kind, out _),
    };

    public override bool IsControllableCr(uint cr) => cr is 0 or 3 or 4;

    // The branch compares one too low at three of the four borders (4.1): 0x1fff, 0xc0000000 and 0xc0001fff are refused.
    public override bool IsControllableMsr(uint msr) => msr is < 0x1fff or (> 0xc000_0000 and < 0xc000_1fff);

    public override ushort PeekReplyVcpu(ReadOnlySpan<byte> payload) =>
        payload.Length < 2 ? (ushort)0 : BinaryPrimitives.ReadUInt16LittleEndian(payload);

    public override ExtraCommand ReadExtra(CommandKind kind, ReadOnlySpan<byte> payload)
    {
        Span<byte> body = stackalloc byte[VcpuHeader + 8];
        body.Clear();
        payload[..Math.Min(payload.Length, body.Length)].CopyTo(body);
        var argument = body[VcpuHeader..];
        switch (kind)
        {
            case CommandKind.GetMtrrType:
                return new ExtraCommand(CommandStatus.Ok, BinaryPrimitives.ReadUInt64LittleEndian(argument), KvmiError.None);
            case CommandKind.GetXcr:
                return argument[1..].ContainsAnyExcept((byte)0)
                    ? new ExtraCommand(CommandStatus.Invalid, 0, KvmiError.InvalidArgument)
                    : new ExtraCommand(CommandStatus.Ok, argument[0], KvmiError.None);
            case CommandKind.SetXsave:
                return new ExtraCommand(CommandStatus.Ok, 0, KvmiError.None, VcpuHeader);
            case CommandKind.GetEptView or CommandKind.GetXsave:
                return new ExtraCommand(CommandStatus.Ok, 0, KvmiError.None);
            case CommandKind.SwitchEptView:
                return ReadSwitchView(argument);
            case CommandKind.DisableVe:
                return new ExtraCommand(CommandStatus.Ok, 0, KvmiError.None);
            case CommandKind.SetVeInfoPage or CommandKind.ControlEptView:
                return new ExtraCommand(CommandStatus.Ok, 0, KvmiError.InvalidArgument);
            default:
                return new ExtraCommand(CommandStatus.Ok, 0, KvmiError.NotSupported);
        }
    }

    private static ExtraCommand ReadSwitchView(ReadOnlySpan<byte> argument)
    {
        if (argument[2..].ContainsAnyExcept((byte)0))
        {
            return new ExtraCommand(CommandStatus.Invalid, 0, KvmiError.InvalidArgument);
        }

        var view = BinaryPrimitives.ReadUInt16LittleEndian(argument);
        return new ExtraCommand(CommandStatus.Ok, view, view == 0 ? KvmiError.None : KvmiError.NotSupported);
    }
}
