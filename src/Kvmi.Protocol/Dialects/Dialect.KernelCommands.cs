using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Registers;

namespace Kvmi.Protocol.Dialects;

/// <content>The hypervisor's end: commands in.</content>
public abstract partial class Dialect
{
    /// <summary>Reads the vCPU of a command that consists of the vCPU header.</summary>
    public abstract CommandStatus ReadVcpuOnly(ReadOnlySpan<byte> payload, out ushort vcpu);

    /// <summary>Reads CHECK_COMMAND.</summary>
    public abstract CommandStatus Read(ReadOnlySpan<byte> payload, out CheckCommand command);

    /// <summary>Reads CHECK_EVENT.</summary>
    public abstract CommandStatus Read(ReadOnlySpan<byte> payload, out CheckEvent command);

    /// <summary>Reads PAUSE_VCPU.</summary>
    public abstract CommandStatus Read(ReadOnlySpan<byte> payload, out PauseVcpu command);

    /// <summary>Reads CONTROL_VM_EVENTS.</summary>
    public abstract CommandStatus Read(ReadOnlySpan<byte> payload, out ControlVmEvents command);

    /// <summary>Reads CONTROL_EVENTS.</summary>
    public abstract CommandStatus Read(ReadOnlySpan<byte> payload, out ControlEvents command);

    /// <summary>Reads CONTROL_CR.</summary>
    public abstract CommandStatus Read(ReadOnlySpan<byte> payload, out ControlCr command);

    /// <summary>Reads CONTROL_MSR.</summary>
    public abstract CommandStatus Read(ReadOnlySpan<byte> payload, out ControlMsr command);

    /// <summary>Reads READ_PHYSICAL.</summary>
    public abstract CommandStatus Read(ReadOnlySpan<byte> payload, out ReadPhysical command);

    /// <summary>Reads WRITE_PHYSICAL.</summary>
    public abstract CommandStatus Read(ReadOnlySpan<byte> payload, out WritePhysical command);

    /// <summary>Reads INJECT_EXCEPTION.</summary>
    public abstract CommandStatus Read(ReadOnlySpan<byte> payload, out InjectException command);

    /// <summary>Reads CONTROL_CMD_RESPONSE.</summary>
    public abstract CommandStatus Read(ReadOnlySpan<byte> payload, out ControlCommandResponse command);

    /// <summary>Reads GET_CPUID.</summary>
    public abstract CommandStatus Read(ReadOnlySpan<byte> payload, out GetCpuid command);

    /// <summary>Reads TRANSLATE_GVA.</summary>
    public abstract CommandStatus Read(ReadOnlySpan<byte> payload, out TranslateGva command);

    /// <summary>Reads CONTROL_SINGLESTEP.</summary>
    public abstract CommandStatus Read(ReadOnlySpan<byte> payload, out ControlSinglestep command);

    /// <summary>Reads GET_REGISTERS.</summary>
    public abstract CommandStatus Read(ReadOnlySpan<byte> payload, out GetRegisters command);

    /// <summary>Reads SET_PAGE_ACCESS.</summary>
    public abstract CommandStatus Read(ReadOnlySpan<byte> payload, out SetPageAccess command);

    /// <summary>Reads SET_REGISTERS.</summary>
    public abstract CommandStatus ReadSetRegisters(ReadOnlySpan<byte> payload, out ushort vcpu, out KvmRegs regs);

    /// <summary>Reads GET_XCR.</summary>
    /// <exception cref="CommandNotInDialectException">The dialect does not have it.</exception>
    public virtual CommandStatus Read(ReadOnlySpan<byte> payload, out GetXcr command) => throw Lacks(CommandKind.GetXcr);

    /// <summary>Reads GET_MTRR_TYPE.</summary>
    /// <exception cref="CommandNotInDialectException">The dialect does not have it.</exception>
    public virtual CommandStatus Read(ReadOnlySpan<byte> payload, out GetMtrrType command) => throw Lacks(CommandKind.GetMtrrType);

    /// <summary>Reads CONTROL_CLEANUP.</summary>
    /// <exception cref="CommandNotInDialectException">The dialect does not have it.</exception>
    public virtual CommandStatus Read(ReadOnlySpan<byte> payload, out ControlCleanup command) => throw Lacks(CommandKind.ControlCleanup);

    /// <summary>Reads SWITCH_EPT_VIEW.</summary>
    /// <exception cref="CommandNotInDialectException">The dialect does not have it.</exception>
    public virtual CommandStatus Read(ReadOnlySpan<byte> payload, out SwitchEptView command) => throw Lacks(CommandKind.SwitchEptView);

    /// <summary>Reads CONTROL_EPT_VIEW.</summary>
    /// <exception cref="CommandNotInDialectException">The dialect does not have it.</exception>
    public virtual CommandStatus Read(ReadOnlySpan<byte> payload, out ControlEptView command) => throw Lacks(CommandKind.ControlEptView);

    /// <summary>Reads DESTROY_EPT_VIEW.</summary>
    /// <exception cref="CommandNotInDialectException">The dialect does not have it.</exception>
    public virtual CommandStatus Read(ReadOnlySpan<byte> payload, out DestroyEptView command) => throw Lacks(CommandKind.DestroyEptView);

    /// <summary>Reads SET_VE_INFO_PAGE.</summary>
    /// <exception cref="CommandNotInDialectException">The dialect does not have it.</exception>
    public virtual CommandStatus Read(ReadOnlySpan<byte> payload, out SetVeInfoPage command) => throw Lacks(CommandKind.SetVeInfoPage);

    /// <summary>Reads SET_PAGE_SVE.</summary>
    /// <exception cref="CommandNotInDialectException">The dialect does not have it.</exception>
    public virtual CommandStatus Read(ReadOnlySpan<byte> payload, out SetPageSve command) => throw Lacks(CommandKind.SetPageSve);

    /// <summary>Reads CONTROL_SPP.</summary>
    /// <exception cref="CommandNotInDialectException">The dialect does not have it.</exception>
    public virtual CommandStatus Read(ReadOnlySpan<byte> payload, out ControlSpp command) => throw Lacks(CommandKind.ControlSpp);

    /// <summary>Reads QUERY_PHYSICAL.</summary>
    /// <exception cref="CommandNotInDialectException">The dialect does not have it.</exception>
    public virtual CommandStatus Read(ReadOnlySpan<byte> payload, out QueryPhysical command) => throw Lacks(CommandKind.QueryPhysical);

    /// <summary>Reads ALLOC_GFN.</summary>
    /// <exception cref="CommandNotInDialectException">The dialect does not have it.</exception>
    public virtual CommandStatus Read(ReadOnlySpan<byte> payload, out AllocGfn command) => throw Lacks(CommandKind.AllocGfn);

    /// <summary>Reads FREE_GFN.</summary>
    /// <exception cref="CommandNotInDialectException">The dialect does not have it.</exception>
    public virtual CommandStatus Read(ReadOnlySpan<byte> payload, out FreeGfn command) => throw Lacks(CommandKind.FreeGfn);

    /// <summary>Reads CHANGE_GFN.</summary>
    /// <exception cref="CommandNotInDialectException">The dialect does not have it.</exception>
    public virtual CommandStatus Read(ReadOnlySpan<byte> payload, out ChangeGfn command) => throw Lacks(CommandKind.ChangeGfn);

    /// <summary>Reads CONTROL_EVENTS where it replaces the whole set.</summary>
    /// <exception cref="CommandNotInDialectException">The dialect switches one event at a time (<see cref="EventsAreMasks"/>).</exception>
    public virtual CommandStatus Read(ReadOnlySpan<byte> payload, out ControlEventMask command) => throw Lacks(CommandKind.ControlEvents);

    /// <summary>Reads CONTROL_VM_EVENTS where it replaces the whole set.</summary>
    /// <exception cref="CommandNotInDialectException">The dialect switches one event at a time (<see cref="EventsAreMasks"/>).</exception>
    public virtual CommandStatus Read(ReadOnlySpan<byte> payload, out ControlVmEventMask command) => throw Lacks(CommandKind.ControlVmEvents);

    /// <summary>Reads GET_PAGE_ACCESS.</summary>
    /// <exception cref="CommandNotInDialectException">The dialect does not have it.</exception>
    public virtual CommandStatus Read(ReadOnlySpan<byte> payload, out GetPageAccess command) => throw Lacks(CommandKind.GetPageAccess);

    /// <summary>Reads SET_PAGE_WRITE_BITMAP.</summary>
    /// <exception cref="CommandNotInDialectException">The dialect does not have it.</exception>
    public virtual CommandStatus Read(ReadOnlySpan<byte> payload, out SetPageWriteBitmap command) => throw Lacks(CommandKind.SetPageWriteBitmap);

    /// <summary>Reads SET_XSAVE; the area stays on the wire.</summary>
    /// <exception cref="CommandNotInDialectException">The dialect does not have it.</exception>
    public virtual CommandStatus ReadSetXsave(ReadOnlySpan<byte> payload, out ushort vcpu, out ReadOnlySpan<byte> area) =>
        throw Lacks(CommandKind.SetXsave);

    /// <summary>
    /// Checks what a kernel checks before it reads the payload: the id, and the size where the id alone gives it or its least. Only rfc-v5 is
    /// strict here (rfc-v5 1.7, steps 2 and 3).
    /// </summary>
    /// <param name="header">Header of the message.</param>
    /// <returns>Ok, or Close.</returns>
    public virtual CommandStatus CheckHeader(in MessageHeader header) => CommandStatus.Ok;

    /// <summary>
    /// Checks what a kernel checks of a message before it looks at what the message says: the id and the sizes. Only rfc-v5 is strict here
    /// (rfc-v5 1.7, steps 2 to 5); the others read a short body as if zeros followed.
    /// </summary>
    /// <param name="header">Header of the message.</param>
    /// <param name="payload">All of its payload.</param>
    /// <returns>Ok, or Close.</returns>
    public virtual CommandStatus CheckFraming(in MessageHeader header, ReadOnlySpan<byte> payload) => CommandStatus.Ok;
}
