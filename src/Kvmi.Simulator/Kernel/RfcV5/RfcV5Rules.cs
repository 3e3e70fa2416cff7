using System.Buffers.Binary;
using Kvmi.Protocol;
using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Dialects;
using Kvmi.Protocol.Dialects.RfcV5;
using Kvmi.Simulator.Kernel.Hooking;
using Kvmi.Simulator.Machine;

namespace Kvmi.Simulator.Kernel.RfcV5;

/// <summary>The kernel of the posted series RFC v5: kvmi-rfc-v5.md, both profiles.</summary>
internal sealed class RfcV5Rules : KernelRules
{
    // EVENT and EVENT_REPLY have bits in the command mask, but cannot be forbidden (1.7, remark to step 9).
    private const uint MessageBits = (1u << RfcV5Ids.Event) | (1u << RfcV5Ids.EventReply);

    private readonly bool _blocksOnEmptyReads;

    public RfcV5Rules(RfcV5KernelOptions options)
    {
        _blocksOnEmptyReads = options.BlocksOnEmptyReads;
        var isCode = options.Profile == RfcV5Profile.Code;
        Dialect = isCode ? RfcV5Dialect.Instance : RfcV5Dialect.Documented;
        Hooking = (isCode ? HookProfile.RfcV5Code : HookProfile.RfcV5Document) with { HonoursMasks = !options.IgnoresMasks };
        Traits = new KernelTraits
        {
            ForbiddenCommand = KvmiError.AccessDenied,
            BadRangeCloses = isCode,
            UnbackedMemory = KvmiError.InvalidArgument,
            RemembersUnbackedPages = true,
            AllowsWriteWithoutRead = isCode,
            ReportsPageWalks = false,
            TracksReads = true,
            ServesStaleBytes = options.ServesStaleBytes,
            LateRegisters = options.RefusesLateRegisters ? KvmiError.InvalidArgument : KvmiError.None,
            KeepsRegistersWithoutReply = true,
            ReportsLostInjections = true,
            MaxInjectedVector = isCode ? byte.MaxValue : (byte)31,
            RefusedWriteFaults = true,
            SomeEventsOnlyTell = true,
            ChecksReplyEvent = !isCode,
            InterceptsCr3 = options.SendsCr3Events,
            HasTscScaling = options.HasTscScaling,
            VcpuIdStride = options.VcpuIdStride,
        };
    }

    public override Dialect Dialect { get; }

    public override KernelTraits Traits { get; }

    public override HookProfile Hooking { get; }

    public override VersionReply Version => new(1, 0, 0);

    // There is no CHECK_COMMAND; nobody asks for this.
    public override KvmiError UnknownIdInCheck => KvmiError.NoEntry;

    public override bool EnableIsChecked => false;

    public override bool ForbiddenPauseCloses => false;

    public override bool UnsupportedActionCloses => false;

    public override KvmiError PageAccessOutsideMemory => KvmiError.None;

    public override VersionReply VersionOn(MachineFeatures features, AdministratorMask administrator)
    {
        var commands = MessageBits;
        for (ushort id = 0; id < RfcV5Ids.Limit; id++)
        {
            commands |= Dialect.TryGetCommand(id, out var kind) && administrator.Allows(kind) ? 1u << id : 0;
        }

        var events = 0u;
        for (ushort id = 0; id < RfcV5Ids.EventLimit; id++)
        {
            events |= Dialect.TryGetEvent(id, out var kind) && administrator.Allows(kind) ? 1u << id : 0;
        }

        return Version with { CommandMask = commands, EventMask = events };
    }

    public override bool Knows(CommandKind kind) => Dialect.TryGetCommandId(kind, out _);

    public override bool IsControllableCr(uint cr) => cr is 0 or 3 or 4;

    public override bool IsControllableMsr(uint msr) => msr is <= 0x1fff or (>= 0xc000_0000 and <= 0xc000_1fff);

    // The sequence number finds the vCPU.
    public override ushort PeekReplyVcpu(ReadOnlySpan<byte> payload) => 0;

    // Padding behind the number is the handler's business, and comes after the vCPU's own errors (1.7).
    public override CommandStatus ReadVcpu(ReadOnlySpan<byte> payload, out ushort vcpu)
    {
        vcpu = payload.Length < 2 ? (ushort)0 : BinaryPrimitives.ReadUInt16LittleEndian(payload);
        return CommandStatus.Ok;
    }

    // The messages with a tail are read in two parts; of these the tail can be empty (1.7, "as posted").
    public override bool WaitsBehind(in MessageHeader header) => _blocksOnEmptyReads && header is { Id: 6 or 10 or 11 or RfcV5Ids.EventReply, Size: 8 };

    public override ExtraCommand ReadExtra(CommandKind kind, ReadOnlySpan<byte> payload) => kind == CommandKind.GetXsave
        ? new ExtraCommand(Dialect.ReadVcpuOnly(payload, out _), 0, KvmiError.None)
        : new ExtraCommand(CommandStatus.Ok, 0, KvmiError.NotSupported);
}
