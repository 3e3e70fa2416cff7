using Kvmi.Protocol;
using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Dialects;
using Kvmi.Simulator.Kernel.Later;
using Kvmi.Simulator.Machine;

namespace Kvmi.Simulator.Kernel.V7;

/// <summary>
/// The kernel of the community branch kvmi-v7: kvmi-later-dialects.md section 4, and where a captured kernel
/// (kvmi-v7-*.hex) answers otherwise, as captured.
/// </summary>
internal sealed class V7Rules : LaterRules
{
    public static readonly V7Rules Instance = new();

    // The feature bytes of GET_VERSION, one bit in each (4.1).
    private const ulong SppFeature = 1;
    private const ulong VmfuncFeature = 1UL << 8;
    private const ulong ViewsFeature = 1UL << 16;
    private const ulong VeFeature = 1UL << 24;
    private const ulong SinglestepFeature = 1UL << 32;

    private V7Rules()
    {
    }

    public override Dialect Dialect { get; } = Dialect.Find(KvmiDialect.V7)!;

    // The max-message word is a plain zero in this dialect (4.1).
    public override VersionReply Version => new(1, 0, 0);

    public override KvmiError SinglestepMissing => KvmiError.InvalidArgument;

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

    public override VersionReply VersionOn(MachineFeatures features)
    {
        var bytes = 0UL;
        Offer(MachineFeatures.SubPageProtection, SppFeature);
        Offer(MachineFeatures.Vmfunc, VmfuncFeature);
        Offer(MachineFeatures.Views, ViewsFeature);
        Offer(MachineFeatures.VirtualizationExceptions, VeFeature);
        Offer(MachineFeatures.Singlestep, SinglestepFeature);
        return Version with { Features = bytes };

        void Offer(MachineFeatures feature, ulong bit) => bytes |= (features & feature) != 0 ? bit : 0;
    }

    // The branch compares one too low at three of the four borders (4.1): 0x1fff, 0xc0000000 and 0xc0001fff are refused.
    public override bool IsControllableMsr(uint msr) => msr is < 0x1fff or (> 0xc000_0000 and < 0xc000_1fff);

    public override ExtraCommand ReadExtra(CommandKind kind, ReadOnlySpan<byte> payload)
    {
        switch (kind)
        {
            case CommandKind.GetEptView or CommandKind.DisableVe:
                return new ExtraCommand(CommandStatus.Ok, 0, KvmiError.None);
            case CommandKind.SwitchEptView:
                var status = Dialect.Read(payload, out SwitchEptView command);
                return new ExtraCommand(status, command.View, command.View == 0 ? KvmiError.None : KvmiError.NotSupported);
            case CommandKind.SetVeInfoPage or CommandKind.ControlEptView:
                return new ExtraCommand(CommandStatus.Ok, 0, KvmiError.InvalidArgument);
            default:
                return base.ReadExtra(kind, payload);
        }
    }
}
