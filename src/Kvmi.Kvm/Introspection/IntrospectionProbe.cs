using Kvmi.Kvm.Native;
using Kvmi.Protocol.Ioctls;

namespace Kvmi.Kvm.Introspection;

/// <summary>
/// Tells a kernel with introspection from a stock one. The capability alone cannot: a stock kernel says 1 to 184 and 206 for reasons of
/// its own. The number of HOOK can, because it holds the size of the argument, and no stock ioctl has the same.
/// </summary>
internal static class IntrospectionProbe
{
    /// <summary>A descriptor that cannot be a socket.</summary>
    public const int NoSocket = -1;

    /// <summary>Judges by the kernel's answers.</summary>
    /// <param name="capability">KVM_CHECK_EXTENSION.</param>
    /// <param name="hook">HOOK with <see cref="NoSocket"/>; gives the error number.</param>
    public static IntrospectionSupport Judge(Func<int, int> capability, Func<IntrospectionIoctls, int> hook)
    {
        CapabilityAnswer[] answers =
        [
            .. IntrospectionIoctls.All.SelectMany(ioctls => ioctls.Capabilities).Distinct().Order()
                .Select(number => new CapabilityAnswer(number, capability(number), StockName(number))),
        ];
        var hooks = new Dictionary<uint, int>();
        foreach (var ioctls in IntrospectionIoctls.All)
        {
            if (!hooks.ContainsKey(ioctls.Hook))
            {
                hooks.Add(ioctls.Hook, hook(ioctls));
            }
        }

        IntrospectionIoctls[] known = [.. IntrospectionIoctls.All.Where(ioctls => Knows(hooks[ioctls.Hook], Claims(ioctls)))];
        IntrospectionIoctls[] claimed = [.. known.Where(Claims)];
        var found = claimed.Length > 0 ? claimed : known;
        return new IntrospectionSupport(
            [.. found.Select(ioctls => ioctls.Series)], found.Length > 0 && found.All(ioctls => hooks[ioctls.Hook] == Errno.Perm), answers);

        bool Claims(IntrospectionIoctls ioctls) => answers.Any(answer => answer.Value != 0 && ioctls.Capabilities.Contains(answer.Number));
    }

    // EINVAL is what introspection says of a descriptor that is no socket, and what very old kernels say of any unknown request.
    private static bool Knows(int errno, bool claims) => errno switch
    {
        Errno.NotATerminal => false,
        Errno.Invalid => claims,
        Errno.Perm or Errno.BadDescriptor or Errno.NoMemory or Errno.Fault or Errno.Exists or 0 => true,
        _ => false,
    };

    private static string? StockName(int number) => number switch
    {
        179 => "KVM_CAP_S390_VCPU_RESETS",
        180 => "KVM_CAP_S390_PROTECTED",
        184 => "KVM_CAP_LAST_CPU",
        193 => "KVM_CAP_X86_BUS_LOCK_EXIT",
        206 => "KVM_CAP_VM_MOVE_ENC_CONTEXT_FROM",
        _ => null,
    };
}
