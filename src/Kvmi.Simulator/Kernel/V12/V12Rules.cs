using Kvmi.Protocol;
using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Dialects;
using Kvmi.Simulator.Kernel.Later;
using Kvmi.Simulator.Machine;

namespace Kvmi.Simulator.Kernel.V12;

/// <summary>
/// The kernels of the list's v12 and v11: kvmi-later-dialects.md section 3, and where a captured v11 kernel (kvmi-v11-*.hex)
/// answers otherwise, as captured. The two differ in what their dialects know.
/// </summary>
internal sealed class V12Rules : LaterRules
{
    public static readonly V12Rules Instance = new(KvmiDialect.V12);

    public static readonly V12Rules V11 = new(KvmiDialect.V11);

    private const ulong SinglestepFeature = 1;

    private V12Rules(KvmiDialect dialect) => Dialect = Dialect.Find(dialect)!;

    public override Dialect Dialect { get; }

    public override VersionReply Version => new(1, (uint)Dialect.MaxPayload, 0);

    public override KvmiError UnknownIdInCheck => KvmiError.NoEntry;

    public override bool EnableIsChecked => true;

    public override bool ForbiddenPauseCloses => false;

    public override bool UnsupportedActionCloses => true;

    // Documented in 3.6 and captured: kvmi-v11-pagefault.hex restricts 0x7fffff000.
    public override KvmiError PageAccessOutsideMemory => KvmiError.InvalidArgument;

    public override bool SinglestepNeedsEvent => false;

    public override bool Knows(CommandKind kind) => Dialect.TryGetCommandId(kind, out _);

    // libkvmi's second message: GET_GUEST_INFO of v7 has the number that is VCPU_CONTROL_EVENTS here, which is never empty.
    public override KvmiDialect? OtherDialectOf(in MessageHeader header) => header is { Id: 5, Size: 0 } ? KvmiDialect.V7 : null;

    public override VersionReply VersionOn(MachineFeatures features) =>
        Version with { Features = (features & MachineFeatures.Singlestep) != 0 ? SinglestepFeature : 0 };

    public override bool IsControllableMsr(uint msr) => msr is <= 0x1fff or (>= 0xc000_0000 and <= 0xc000_1fff);
}
