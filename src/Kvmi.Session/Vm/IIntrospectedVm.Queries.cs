using Kvmi.Protocol;
using Kvmi.Protocol.Commands;

namespace Kvmi.Session.Vm;

/// <content>What a vCPU is, and what is done with it besides registers.</content>
public partial interface IIntrospectedVm
{
    /// <summary>
    /// Asks the VM how many vCPUs it has by now (GET_VM_INFO) and lets <see cref="VcpuCount"/> grow: the only way to learn of a vCPU that was plugged
    /// in before its first event where the dialect has no CREATE_VCPU (v11, v12; kvmi-later-dialects.md 3.5). Owner thread only. A VM that stands for
    /// another one knows all its vCPUs and does nothing.
    /// </summary>
    /// <returns>What the kernel answered; <see cref="KvmiError.None"/> also where the command is not offered.</returns>
    KvmiError RefreshVcpuCount() => KvmiError.None;

    /// <summary>
    /// Frequency of the vCPU's time-stamp counter in Hz, 0 on hosts without TSC scaling. rfc-v5 has no command of its own for it: there
    /// the reply of GET_GUEST_INFO tells it.
    /// </summary>
    KvmiError GetVcpuInfo(ushort vcpu, out ulong tscHz)
    {
        tscHz = 0;
        throw VmStandIn.Lacks(this, CommandKind.GetVcpuInfo);
    }

    /// <summary>One CPUID leaf as the guest sees it.</summary>
    /// <returns><see cref="KvmiError.NoEntry"/> when the vCPU has no such leaf.</returns>
    KvmiError GetCpuid(ushort vcpu, uint function, uint index, out CpuidReply reply)
    {
        reply = default;
        throw VmStandIn.Lacks(this, CommandKind.GetCpuid);
    }

    /// <summary>Reads the XSAVE area of a vCPU: 4096 bytes in every kernel so far.</summary>
    /// <param name="vcpu">vCPU index.</param>
    /// <param name="area">Where to put it; what a longer area holds beyond is left out.</param>
    /// <param name="length">Bytes that the VM sent.</param>
    KvmiError GetXsave(ushort vcpu, Span<byte> area, out int length)
    {
        length = 0;
        throw VmStandIn.Lacks(this, CommandKind.GetXsave);
    }

    /// <summary>Replaces the XSAVE area of a vCPU. Not in rfc-v5.</summary>
    /// <param name="vcpu">vCPU index.</param>
    /// <param name="area">The area: exactly 4096 bytes in v11 and v12, at most that in v7.</param>
    /// <exception cref="ArgumentException">The dialect does not take an area of that length.</exception>
    KvmiError SetXsave(ushort vcpu, ReadOnlySpan<byte> area) => throw VmStandIn.Lacks(this, CommandKind.SetXsave);

    /// <summary>Reads an extended control register; kernels know number 0. Not in rfc-v5.</summary>
    KvmiError GetXcr(ushort vcpu, byte xcr, out ulong value)
    {
        value = 0;
        throw VmStandIn.Lacks(this, CommandKind.GetXcr);
    }

    /// <summary>Memory type of a guest-physical address by the MTRRs (0 uncached, 1 write-combining, 4, 5, 6 write-back). Not in rfc-v5.</summary>
    KvmiError GetMtrrType(ushort vcpu, ulong gpa, out byte type)
    {
        type = 0;
        throw VmStandIn.Lacks(this, CommandKind.GetMtrrType);
    }

    /// <summary>
    /// Translates a guest-virtual address with the page tables that the vCPU uses now. Not in rfc-v5: there the tables have to be walked
    /// with <see cref="ReadPhysical(ulong, Span{byte})"/>.
    /// </summary>
    /// <param name="vcpu">vCPU index.</param>
    /// <param name="gva">Guest-virtual address.</param>
    /// <param name="gpa">Guest-physical address; null when it is not mapped (the wire says all ones).</param>
    KvmiError TranslateGva(ushort vcpu, ulong gva, out ulong? gpa)
    {
        gpa = null;
        throw VmStandIn.Lacks(this, CommandKind.TranslateGva);
    }

    /// <summary>
    /// Lets a vCPU report after each instruction, or stops that. In v7 the SINGLESTEP event has to be on first. Not in rfc-v5, which steps
    /// on behalf of a page-fault reply only (<see cref="Kvmi.Protocol.Events.EventReply.Singlestep"/>).
    /// </summary>
    /// <returns><see cref="KvmiError.NotSupported"/> (v11, v12) or <see cref="KvmiError.InvalidArgument"/> (v7) where the processor cannot.</returns>
    KvmiError ControlSinglestep(ushort vcpu, bool enable) => throw VmStandIn.Lacks(this, CommandKind.ControlSinglestep);

    /// <summary>
    /// Says whether the kernel takes interceptions and page restrictions back when the connection ends, which is what it does unless told
    /// otherwise. Only in v11 and v12.
    /// </summary>
    KvmiError ControlCleanup(bool enable) => throw VmStandIn.Lacks(this, CommandKind.ControlCleanup);

    /// <summary>
    /// Asks for a token with which another VM of the same host may map memory of this one, once and within about a second
    /// (rfc-v5 3.16 and 6.2). Only in rfc-v5 and v7.
    /// </summary>
    /// <returns><see cref="KvmiError.TryAgain"/> when too many tokens are outstanding.</returns>
    KvmiError GetMapToken(out MapToken token)
    {
        token = default;
        throw VmStandIn.Lacks(this, CommandKind.GetMapToken);
    }

    /// <summary>
    /// Delivers an exception, as <see cref="InjectException(ushort, byte, uint, ulong)"/>, and says in rfc-v5 whether an error code belongs
    /// to it; the later dialects tell that by the vector.
    /// </summary>
    KvmiError InjectException(in InjectException exception) =>
        InjectException(exception.Vcpu, exception.Vector, exception.ErrorCode, exception.Address);
}
