using System.Runtime.InteropServices;
using Kvmi.Kvm.Introspection;
using Kvmi.Protocol.Ioctls;

namespace Kvmi.Kvm.Devices;

/// <content>Introspection.</content>
public sealed partial class KvmVm
{
    /// <summary>
    /// Hands a connected socket, whose other end is the tool, to the kernel (KVM_INTROSPECTION_HOOK). From now on the kernel speaks
    /// on it; this process must not read or write it any more. In rfc-v5 the call waits until an earlier session has ended (rfc-v5 5.1).
    /// </summary>
    /// <param name="series">Whose numbers the kernel uses.</param>
    /// <param name="socket">The connected stream socket. Stays owned by the caller, who may close it; the kernel keeps its own reference.</param>
    /// <param name="uuid">UUID of the VM, for the kernel's log lines.</param>
    /// <param name="commands">rfc-v5 only: allowed commands, bit 1 &lt;&lt; id; null for all.</param>
    /// <param name="events">rfc-v5 only: allowed events, bit 1 &lt;&lt; id; null for all.</param>
    /// <exception cref="ArgumentException">Masks are given to a series that allows by further calls.</exception>
    /// <exception cref="KvmException">The kernel refused. ENOTTY: it has no introspection of that series.</exception>
    public KvmIntrospection HookIntrospection(IntrospectionSeries series, SafeHandle socket, Guid uuid, uint? commands = null, uint? events = null)
    {
        ArgumentNullException.ThrowIfNull(socket);
        var ioctls = IntrospectionIoctls.Of(series);
        return ioctls.Command is not null && (commands ?? events) is not null
            ? throw new ArgumentException($"HOOK of the series {series} carries no masks; call AllowCommand and AllowEvent after it.", nameof(commands))
            : KvmIntrospection.Hook(_descriptor, ioctls, socket, uuid, commands, events);
    }

    /// <summary>
    /// Finds out whether this kernel has introspection, with capability numbers and a HOOK call that is bound to fail. Use a VM made for
    /// the purpose: on a patched kernel the call goes as far as looking at its (missing) socket.
    /// </summary>
    /// <exception cref="KvmException">A capability could not be asked.</exception>
    public IntrospectionSupport ProbeIntrospection() => IntrospectionProbe.Judge(
        CheckExtension,
        ioctls => KvmIntrospection.TryHook(_descriptor, ioctls, IntrospectionProbe.NoSocket, Guid.Empty, 0, 0));
}
