using System.Buffers.Binary;
using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Registers;

namespace Kvmi.Protocol.Dialects;

/// <content>The tool's end: commands out.</content>
public abstract partial class Dialect
{
    /// <summary>Writes a command without a body: GET_VERSION, GET_VM_INFO, GET_MAX_GFN.</summary>
    /// <exception cref="CommandNotInDialectException">The dialect does not have it.</exception>
    public abstract int WriteEmpty(Span<byte> destination, uint sequence, CommandKind kind);

    /// <summary>Writes a command whose body is the vCPU header: GET_VCPU_INFO, GET_XSAVE, GET_EPT_VIEW.</summary>
    /// <exception cref="CommandNotInDialectException">The dialect does not have it.</exception>
    public abstract int WriteVcpuOnly(Span<byte> destination, uint sequence, CommandKind kind, ushort vcpu);

    /// <summary>Writes CHECK_COMMAND.</summary>
    public abstract int Write(Span<byte> destination, uint sequence, in CheckCommand command);

    /// <summary>Writes CHECK_EVENT.</summary>
    public abstract int Write(Span<byte> destination, uint sequence, in CheckEvent command);

    /// <summary>Writes PAUSE_VCPU.</summary>
    public abstract int Write(Span<byte> destination, uint sequence, in PauseVcpu command);

    /// <summary>Writes CONTROL_VM_EVENTS.</summary>
    public abstract int Write(Span<byte> destination, uint sequence, in ControlVmEvents command);

    /// <summary>Writes CONTROL_EVENTS.</summary>
    public abstract int Write(Span<byte> destination, uint sequence, in ControlEvents command);

    /// <summary>Writes CONTROL_CR.</summary>
    public abstract int Write(Span<byte> destination, uint sequence, in ControlCr command);

    /// <summary>Writes CONTROL_MSR.</summary>
    public abstract int Write(Span<byte> destination, uint sequence, in ControlMsr command);

    /// <summary>Writes READ_PHYSICAL, which has the same bytes in every dialect (kvmi-later-dialects.md 3.6).</summary>
    public int Write(Span<byte> destination, uint sequence, in ReadPhysical command)
    {
        var body = Begin(destination, CommandKind.ReadPhysical, sequence, 16);
        BinaryPrimitives.WriteUInt64LittleEndian(body, command.Gpa);
        BinaryPrimitives.WriteUInt64LittleEndian(body[8..], command.Size);
        return MessageHeader.Length + 16;
    }

    /// <summary>Writes WRITE_PHYSICAL, which has the same bytes in every dialect (kvmi-later-dialects.md 3.6).</summary>
    public int Write(Span<byte> destination, uint sequence, in WritePhysical command)
    {
        var body = Begin(destination, CommandKind.WritePhysical, sequence, 16 + command.Data.Length);
        BinaryPrimitives.WriteUInt64LittleEndian(body, command.Gpa);
        BinaryPrimitives.WriteUInt64LittleEndian(body[8..], (ulong)command.Data.Length);
        command.Data.CopyTo(body[16..]);
        return MessageHeader.Length + body.Length;
    }

    /// <summary>Writes INJECT_EXCEPTION.</summary>
    public abstract int Write(Span<byte> destination, uint sequence, in InjectException command);

    /// <summary>Writes CONTROL_CMD_RESPONSE.</summary>
    public abstract int Write(Span<byte> destination, uint sequence, in ControlCommandResponse command);

    /// <summary>Writes GET_CPUID.</summary>
    public abstract int Write(Span<byte> destination, uint sequence, in GetCpuid command);

    /// <summary>Writes TRANSLATE_GVA.</summary>
    public abstract int Write(Span<byte> destination, uint sequence, in TranslateGva command);

    /// <summary>Writes CONTROL_SINGLESTEP.</summary>
    public abstract int Write(Span<byte> destination, uint sequence, in ControlSinglestep command);

    /// <summary>Writes GET_REGISTERS.</summary>
    /// <param name="destination">Where to write.</param>
    /// <param name="sequence">Sequence number.</param>
    /// <param name="vcpu">vCPU index.</param>
    /// <param name="msrs">MSR numbers wanted besides the registers.</param>
    public abstract int WriteGetRegisters(Span<byte> destination, uint sequence, ushort vcpu, ReadOnlySpan<uint> msrs);

    /// <summary>Writes SET_REGISTERS.</summary>
    public abstract int WriteSetRegisters(Span<byte> destination, uint sequence, ushort vcpu, in KvmRegs regs);

    /// <summary>Writes SET_PAGE_ACCESS.</summary>
    /// <param name="destination">Where to write.</param>
    /// <param name="sequence">Sequence number.</param>
    /// <param name="view">EPT view, 0 for the default.</param>
    /// <param name="entries">At most <see cref="MaxPageAccessEntries"/>.</param>
    public abstract int WriteSetPageAccess(Span<byte> destination, uint sequence, ushort view, ReadOnlySpan<PageAccessEntry> entries);

    /// <summary>Writes CONTROL_EVENTS where it replaces the whole set.</summary>
    /// <exception cref="CommandNotInDialectException">The dialect switches one event at a time (<see cref="EventsAreMasks"/>).</exception>
    public virtual int Write(Span<byte> destination, uint sequence, in ControlEventMask command) => throw Lacks(CommandKind.ControlEvents);

    /// <summary>Writes CONTROL_VM_EVENTS where it replaces the whole set.</summary>
    /// <exception cref="CommandNotInDialectException">The dialect switches one event at a time (<see cref="EventsAreMasks"/>).</exception>
    public virtual int Write(Span<byte> destination, uint sequence, in ControlVmEventMask command) => throw Lacks(CommandKind.ControlVmEvents);

    /// <summary>Writes GET_XCR.</summary>
    /// <exception cref="CommandNotInDialectException">The dialect does not have it.</exception>
    public virtual int Write(Span<byte> destination, uint sequence, in GetXcr command) => throw Lacks(CommandKind.GetXcr);

    /// <summary>Writes GET_MTRR_TYPE.</summary>
    /// <exception cref="CommandNotInDialectException">The dialect does not have it.</exception>
    public virtual int Write(Span<byte> destination, uint sequence, in GetMtrrType command) => throw Lacks(CommandKind.GetMtrrType);

    /// <summary>Writes CONTROL_CLEANUP.</summary>
    /// <exception cref="CommandNotInDialectException">The dialect does not have it.</exception>
    public virtual int Write(Span<byte> destination, uint sequence, in ControlCleanup command) => throw Lacks(CommandKind.ControlCleanup);

    /// <summary>Writes SWITCH_EPT_VIEW.</summary>
    /// <exception cref="CommandNotInDialectException">The dialect does not have it.</exception>
    public virtual int Write(Span<byte> destination, uint sequence, in SwitchEptView command) => throw Lacks(CommandKind.SwitchEptView);

    /// <summary>Writes CONTROL_EPT_VIEW.</summary>
    /// <exception cref="CommandNotInDialectException">The dialect does not have it.</exception>
    public virtual int Write(Span<byte> destination, uint sequence, in ControlEptView command) => throw Lacks(CommandKind.ControlEptView);

    /// <summary>Writes DESTROY_EPT_VIEW.</summary>
    /// <exception cref="CommandNotInDialectException">The dialect does not have it.</exception>
    public virtual int Write(Span<byte> destination, uint sequence, in DestroyEptView command) => throw Lacks(CommandKind.DestroyEptView);

    /// <summary>Writes SET_VE_INFO_PAGE.</summary>
    /// <exception cref="CommandNotInDialectException">The dialect does not have it.</exception>
    public virtual int Write(Span<byte> destination, uint sequence, in SetVeInfoPage command) => throw Lacks(CommandKind.SetVeInfoPage);

    /// <summary>Writes SET_PAGE_SVE.</summary>
    /// <exception cref="CommandNotInDialectException">The dialect does not have it.</exception>
    public virtual int Write(Span<byte> destination, uint sequence, in SetPageSve command) => throw Lacks(CommandKind.SetPageSve);

    /// <summary>Writes CONTROL_SPP.</summary>
    /// <exception cref="CommandNotInDialectException">The dialect does not have it.</exception>
    public virtual int Write(Span<byte> destination, uint sequence, in ControlSpp command) => throw Lacks(CommandKind.ControlSpp);

    /// <summary>Writes QUERY_PHYSICAL.</summary>
    /// <exception cref="CommandNotInDialectException">The dialect does not have it.</exception>
    public virtual int Write(Span<byte> destination, uint sequence, in QueryPhysical command) => throw Lacks(CommandKind.QueryPhysical);

    /// <summary>Writes ALLOC_GFN.</summary>
    /// <exception cref="CommandNotInDialectException">The dialect does not have it.</exception>
    public virtual int Write(Span<byte> destination, uint sequence, in AllocGfn command) => throw Lacks(CommandKind.AllocGfn);

    /// <summary>Writes FREE_GFN.</summary>
    /// <exception cref="CommandNotInDialectException">The dialect does not have it.</exception>
    public virtual int Write(Span<byte> destination, uint sequence, in FreeGfn command) => throw Lacks(CommandKind.FreeGfn);

    /// <summary>Writes CHANGE_GFN.</summary>
    /// <exception cref="CommandNotInDialectException">The dialect does not have it.</exception>
    public virtual int Write(Span<byte> destination, uint sequence, in ChangeGfn command) => throw Lacks(CommandKind.ChangeGfn);

    /// <summary>Writes CHANGE_GFN in the layout from before December 2023, which has no view (kvmi-later-dialects.md 4.2).</summary>
    /// <exception cref="CommandNotInDialectException">The dialect does not have it.</exception>
    public virtual int WriteOldChangeGfn(Span<byte> destination, uint sequence, in ChangeGfn command) => throw Lacks(CommandKind.ChangeGfn);

    /// <summary>Writes SET_XSAVE.</summary>
    /// <param name="destination">Where to write.</param>
    /// <param name="sequence">Sequence number.</param>
    /// <param name="vcpu">vCPU index.</param>
    /// <param name="area">The XSAVE area: exactly 4096 bytes in v11 and v12, at most that in v7.</param>
    /// <exception cref="CommandNotInDialectException">The dialect does not have it.</exception>
    public virtual int WriteSetXsave(Span<byte> destination, uint sequence, ushort vcpu, ReadOnlySpan<byte> area) => throw Lacks(CommandKind.SetXsave);

    /// <summary>Writes GET_PAGE_ACCESS.</summary>
    /// <param name="destination">Where to write.</param>
    /// <param name="sequence">Sequence number.</param>
    /// <param name="vcpu">vCPU that carries it out.</param>
    /// <param name="view">EPT view, 0.</param>
    /// <param name="gpas">Guest-physical addresses, one a page.</param>
    /// <exception cref="CommandNotInDialectException">The dialect does not have it.</exception>
    public virtual int WriteGetPageAccess(Span<byte> destination, uint sequence, ushort vcpu, ushort view, ReadOnlySpan<ulong> gpas) =>
        throw Lacks(CommandKind.GetPageAccess);

    /// <summary>Writes SET_PAGE_ACCESS and names the vCPU that carries it out, where the dialect has a place for that (rfc-v5).</summary>
    /// <param name="destination">Where to write.</param>
    /// <param name="sequence">Sequence number.</param>
    /// <param name="vcpu">vCPU index; other dialects have no such field.</param>
    /// <param name="view">EPT view, 0 for the default.</param>
    /// <param name="entries">At most <see cref="MaxPageAccessEntries"/>.</param>
    public virtual int WriteSetPageAccess(Span<byte> destination, uint sequence, ushort vcpu, ushort view, ReadOnlySpan<PageAccessEntry> entries) =>
        WriteSetPageAccess(destination, sequence, view, entries);

    /// <summary>Writes SET_PAGE_WRITE_BITMAP.</summary>
    /// <param name="destination">Where to write.</param>
    /// <param name="sequence">Sequence number.</param>
    /// <param name="view">EPT view; kernels refuse others than 0.</param>
    /// <param name="entries">At most <see cref="MaxPageAccessEntries"/>: the entries have the same size.</param>
    /// <exception cref="CommandNotInDialectException">The dialect does not have it.</exception>
    public virtual int WriteSetPageWriteBitmap(Span<byte> destination, uint sequence, ushort view, ReadOnlySpan<PageWriteBitmapEntry> entries) =>
        throw Lacks(CommandKind.SetPageWriteBitmap);
}
