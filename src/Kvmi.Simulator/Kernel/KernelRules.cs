using Kvmi.Protocol;
using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Dialects;
using Kvmi.Simulator.Kernel.Hooking;
using Kvmi.Simulator.Kernel.RfcV5;
using Kvmi.Simulator.Kernel.V12;
using Kvmi.Simulator.Kernel.V7;
using Kvmi.Simulator.Machine;

namespace Kvmi.Simulator.Kernel;

/// <summary>
/// Where the kernels of the dialects differ in what they accept and answer. The machinery around it (threads, queues, events and
/// their replies) is the same for all. Immutable and shared by all threads.
/// </summary>
internal abstract class KernelRules
{
    /// <summary>The bytes that go with these rules.</summary>
    public abstract Dialect Dialect { get; }

    /// <summary>How this kernel takes a hook.</summary>
    public virtual HookProfile Hooking => HookProfile.Later;

    /// <summary>How long a map token may be used; null where there are none (rfc-v5 6.2: 1 s, 3 s in the series after it).</summary>
    public virtual TimeSpan? MapTokenLifetime => Dialect.Id switch
    {
        KvmiDialect.RfcV5 => TimeSpan.FromSeconds(1),
        KvmiDialect.V7 => TimeSpan.FromSeconds(3),
        _ => null,
    };

    /// <summary>
    /// True when every VM can be mapped, false when its device manager must have made it a memory source (kvmi-later-dialects.md 2.5); without that
    /// a captured kernel answers GET_MAP_TOKEN with −95 (kvmi-v7-errors.hex).
    /// </summary>
    public virtual bool GrantsTokensAlone => Dialect.Id == KvmiDialect.RfcV5;

    /// <summary>Habits that only the kernel of rfc-v5 does not share with the others.</summary>
    public virtual KernelTraits Traits => KernelTraits.Later;

    /// <summary>Data of the GET_VERSION reply.</summary>
    public abstract VersionReply Version { get; }

    /// <summary>Answer of CONTROL_SINGLESTEP on a machine that cannot step.</summary>
    public virtual KvmiError SinglestepMissing => KvmiError.NotSupported;

    /// <summary>Answer of CHECK_COMMAND and CHECK_EVENT to a number that does not exist.</summary>
    public abstract KvmiError UnknownIdInCheck { get; }

    /// <summary>True when an enable byte above 1 is an error, false when it means "on".</summary>
    public abstract bool EnableIsChecked { get; }

    /// <summary>True when a pause request that the administrator forbids ends the connection instead of giving an error.</summary>
    public abstract bool ForbiddenPauseCloses { get; }

    /// <summary>True when an action that the event does not take ends the connection instead of being logged.</summary>
    public abstract bool UnsupportedActionCloses { get; }

    /// <summary>True when SINGLESTEP has to be switched on like other events, false when it answers its command as PAUSE and TRAP do.</summary>
    public virtual bool SinglestepNeedsEvent => true;

    /// <summary>Answer of SET_PAGE_ACCESS to a page that is no guest memory.</summary>
    public abstract KvmiError PageAccessOutsideMemory { get; }

    /// <summary>Finds the rules of a dialect.</summary>
    /// <param name="dialect">The dialect.</param>
    /// <param name="rfcV5">Switches of the rfc-v5 kernel; null takes the defaults. Others ignore them.</param>
    /// <returns>Null when there are none yet.</returns>
    public static KernelRules? Find(KvmiDialect dialect, RfcV5KernelOptions? rfcV5 = null) => dialect switch
    {
        KvmiDialect.V7 => V7Rules.Instance,
        KvmiDialect.V11 => V12Rules.V11,
        KvmiDialect.V12 => V12Rules.Instance,
        KvmiDialect.RfcV5 => new RfcV5Rules(rfcV5 ?? new RfcV5KernelOptions()),
        _ => null,
    };

    /// <summary>True when this kernel has the command; a dialect may define numbers that a kernel does not carry out.</summary>
    public abstract bool Knows(CommandKind kind);

    /// <summary>True when the command goes to a vCPU and runs on its thread.</summary>
    public bool IsVcpuCommand(CommandKind kind) => Dialect.IsVcpuCommand(kind);

    /// <summary>True when a successful reply carries data, so that the command cannot be sent with replies switched off.</summary>
    public bool ReturnsData(CommandKind kind) => Dialect.ReturnsData(kind);

    /// <summary>Data of the GET_VERSION reply on a machine: the dialect's feature bytes follow from what the machine has.</summary>
    public virtual VersionReply VersionOn(MachineFeatures features) => Version;

    /// <summary>The same with the administrator's masks, where the dialect has them there.</summary>
    public virtual VersionReply VersionOn(MachineFeatures features, AdministratorMask administrator) => VersionOn(features);

    /// <summary>Reads which vCPU a vCPU command names; the rest of the body is read on the vCPU's thread.</summary>
    /// <returns>Ok, or Close.</returns>
    public virtual CommandStatus ReadVcpu(ReadOnlySpan<byte> payload, out ushort vcpu) => Dialect.ReadVcpuOnly(payload, out vcpu);

    /// <summary>True when the kernel, having read this message, does nothing before the tool's next byte comes.</summary>
    public virtual bool WaitsBehind(in MessageHeader header) => false;

    /// <summary>
    /// Tells that a message can only come from a tool which speaks another dialect. GET_VERSION has one id in most of them, so such a tool
    /// thinks that all is well and then fails confusingly (kvmi-later-dialects.md 1.7 and 4.2).
    /// </summary>
    /// <returns>The other dialect; null when the message says nothing of the kind.</returns>
    public virtual KvmiDialect? OtherDialectOf(in MessageHeader header) => null;

    /// <summary>True when CONTROL_CR may name this register.</summary>
    public abstract bool IsControllableCr(uint cr);

    /// <summary>True when CONTROL_MSR may name this register.</summary>
    public abstract bool IsControllableMsr(uint msr);

    /// <summary>Reads which vCPU an event reply names, before it is known which event waits there.</summary>
    /// <param name="payload">Payload of the reply; may be short.</param>
    public abstract ushort PeekReplyVcpu(ReadOnlySpan<byte> payload);

    /// <summary>
    /// Reads the body of the commands that only this kernel side needs, and answers those that need no machine.
    /// </summary>
    /// <param name="kind">GET_MTRR_TYPE, GET_XCR, SET_XSAVE and the commands for views, #VE, sub-pages and frames.</param>
    /// <param name="payload">Payload of the command.</param>
    public abstract ExtraCommand ReadExtra(CommandKind kind, ReadOnlySpan<byte> payload);
}
