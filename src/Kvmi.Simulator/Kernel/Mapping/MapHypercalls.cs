using Kvmi.Protocol;
using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Ioctls;
using Kvmi.Protocol.Registers;
using Kvmi.Simulator.Machine;

namespace Kvmi.Simulator.Kernel.Mapping;

/// <summary>
/// KVM_HC_MEM_MAP and KVM_HC_MEM_UNMAP, with which a guest maps pages of an introspected VM over its own (rfc-v5 6.2). On the thread of the
/// calling vCPU.
/// </summary>
internal static class MapHypercalls
{
    /// <summary>KVM_HC_MEM_MAP: address of the token, page of the other VM, own page.</summary>
    public const ulong Map = 32;

    /// <summary>KVM_HC_MEM_UNMAP: own page.</summary>
    public const ulong Unmap = 33;

    private const int PageSize = 4096;

    /// <summary>True for the numbers that are carried out here.</summary>
    public static bool IsOne(in VcpuState state) => Number(in state, state.Regs.Rax) is Map or Unmap;

    /// <summary>Carries out the call that the registers name; KVM takes the arguments from RBX, RCX and RDX.</summary>
    /// <param name="context">The calling VM.</param>
    /// <param name="vcpu">The calling vCPU.</param>
    /// <param name="state">Its registers.</param>
    /// <returns>0 or a negative error, for RAX.</returns>
    public static long Execute(KernelContext context, IVcpu vcpu, in VcpuState state)
    {
        // Like nearly every hypercall of KVM not for user mode.
        if (state.Sregs.Ss.Dpl != 0)
        {
            return (long)KvmiError.NotPermitted;
        }

        if (context.Tokens is not { } tokens || context.Machine is not IForeignMemory memory)
        {
            return (long)KvmiError.NoSuchCommand;
        }

        var first = Number(in state, state.Regs.Rbx);
        return (long)(Number(in state, state.Regs.Rax) == Map
            ? MapPage(tokens, context.Machine, memory, vcpu, first, Number(in state, state.Regs.Rcx), Number(in state, state.Regs.Rdx))
            : memory.TryUnmapForeign(first) ? KvmiError.None : KvmiError.Fault);
    }

    // The token is used up even if the mapping then fails.
    private static KvmiError MapPage(
        MapTokens tokens, IMachine machine, IForeignMemory memory, IVcpu vcpu, ulong tokenGva, ulong sourceGpa, ulong ownGpa)
    {
        if (!TryReadToken(machine, vcpu, tokenGva, out var token) || !tokens.TryTake(token, out var source))
        {
            return KvmiError.NoEntry;
        }

        return memory.TryMapForeign(ownGpa, source, sourceGpa) ? KvmiError.None : KvmiError.Fault;
    }

    private static bool TryReadToken(IMachine machine, IVcpu vcpu, ulong gva, out MapToken token)
    {
        Span<byte> bytes = stackalloc byte[GuestMapArgument.TokenLength];
        for (var done = 0; done < bytes.Length;)
        {
            var at = gva + (ulong)done;
            var count = Math.Min(bytes.Length - done, PageSize - (int)(at % PageSize));
            if (!vcpu.TryTranslate(at, out var gpa) || !machine.TryReadPhysical(gpa, bytes.Slice(done, count)))
            {
                token = default;
                return false;
            }

            done += count;
        }

        token = GuestMapArgument.ReadToken(bytes);
        return true;
    }

    // Outside 64-bit mode the upper halves do not count.
    private static ulong Number(in VcpuState state, ulong register) => state.Mode == 8 ? register : (uint)register;
}
