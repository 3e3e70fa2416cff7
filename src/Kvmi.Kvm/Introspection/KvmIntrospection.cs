using System.Runtime.InteropServices;
using Kvmi.Kvm.Native;
using Kvmi.Protocol.Ioctls;

namespace Kvmi.Kvm.Introspection;

/// <summary>
/// The introspection of a VM from the device manager's side: what may be done once HOOK has succeeded. There is no other way to
/// these calls, because stock kernels use some of their numbers for other things (PREUNHOOK of the list series v7 to v9 is
/// KVM_RESET_DIRTY_RINGS). The kernel ends the introspection by itself when the VM is closed. Any thread may call.
/// </summary>
public sealed class KvmIntrospection
{
    private readonly SafeHandle _vm;
    private readonly IntrospectionIoctls _ioctls;

    private KvmIntrospection(SafeHandle vm, IntrospectionIoctls ioctls)
    {
        _vm = vm;
        _ioctls = ioctls;
    }

    /// <summary>The series whose numbers are used.</summary>
    public IntrospectionSeries Series => _ioctls.Series;

    /// <summary>Allows or forbids commands to the tool. After HOOK everything is forbidden but GET_VERSION and the two CHECK commands (kvmi-later-dialects.md 2.7).</summary>
    /// <param name="id">Wire id, or <see cref="AllowArgument.All"/>.</param>
    /// <param name="allow">False forbids.</param>
    /// <exception cref="NotSupportedException">The series has no such call: in rfc-v5 HOOK carries the masks.</exception>
    /// <exception cref="KvmException">EFAULT: not hooked; EINVAL: unknown id; EPERM: the command cannot be forbidden.</exception>
    public void AllowCommand(int id, bool allow = true) => Allow(_ioctls.Command, "KVM_INTROSPECTION_COMMAND", id, allow);

    /// <summary>Allows or forbids events to the tool. After HOOK all are forbidden.</summary>
    /// <param name="id">Wire id, or <see cref="AllowArgument.All"/>.</param>
    /// <param name="allow">False forbids.</param>
    /// <exception cref="NotSupportedException">The series has no such call: in rfc-v5 HOOK carries the masks.</exception>
    /// <exception cref="KvmException">EFAULT: not hooked; EINVAL: unknown id.</exception>
    public void AllowEvent(int id, bool allow = true) => Allow(_ioctls.Event, "KVM_INTROSPECTION_EVENT", id, allow);

    /// <summary>
    /// Asks the tool to let go (the UNHOOK event), before the VM is paused, saved or migrated. The tool answers by closing its socket;
    /// QEMU waits 60 s for it (kvmi-later-dialects.md 2.4).
    /// </summary>
    /// <exception cref="NotSupportedException">The series has no such call; in rfc-v5 <see cref="Unhook"/> does it.</exception>
    /// <exception cref="KvmException">EFAULT: not hooked; ENOENT: the tool does not want the event, or its socket took nothing.</exception>
    public void PreUnhook() => Call(_ioctls.PreUnhook, "KVM_INTROSPECTION_PREUNHOOK");

    /// <summary>
    /// Ends the introspection; in rfc-v5 it only sends the UNHOOK event, and the closed socket ends it (rfc-v5 5.2). A new HOOK
    /// succeeds after every vCPU has run once.
    /// </summary>
    /// <exception cref="KvmException">In rfc-v5, ENOENT: not hooked; EPERM: the tool does not want the event.</exception>
    public void Unhook() => Call(_ioctls.Unhook, "KVM_INTROSPECTION_UNHOOK");

    internal static KvmIntrospection Hook(
        SafeHandle vm, IntrospectionIoctls ioctls, SafeHandle socket, Guid uuid, uint? commands, uint? events)
    {
        var added = false;
        try
        {
            // The kernel takes its own reference to the socket; ours has to live until it has.
            socket.DangerousAddRef(ref added);
            var errno = TryHook(vm, ioctls, (int)socket.DangerousGetHandle(), uuid, commands ?? uint.MaxValue, events ?? uint.MaxValue);
            return errno == 0 ? new KvmIntrospection(vm, ioctls) : throw Refused(ioctls.Series, errno);
        }
        finally
        {
            if (added)
            {
                socket.DangerousRelease();
            }
        }
    }

    /// <summary>Makes the HOOK call.</summary>
    /// <returns>0 or the error number.</returns>
    internal static int TryHook(SafeHandle vm, IntrospectionIoctls ioctls, int descriptor, Guid uuid, uint commands, uint events)
    {
        Span<byte> argument = stackalloc byte[ioctls.HookLength];
        if (ioctls.HookLength == MaskedHookArgument.Length)
        {
            new MaskedHookArgument(descriptor, commands, events, uuid).Write(argument);
        }
        else
        {
            new HookArgument(descriptor, uuid).Write(argument);
        }

        return NativeMethods.Ioctl(vm, ioctls.Hook, argument) < 0 ? Marshal.GetLastPInvokeError() : 0;
    }

    internal static KvmException Refused(IntrospectionSeries series, int errno) => new("KVM_INTROSPECTION_HOOK", errno, errno switch
    {
        Errno.NotATerminal => $"this kernel has no introspection of the series {series}; use the simulator, or a kernel with the patches",
        Errno.Perm => "introspection is switched off in this kernel; load the module kvm with introspection=1",
        Errno.Exists => "the VM is introspected already, or a vCPU has not run since the last tool left; let every vCPU run once",
        Errno.Invalid => "the descriptor is no socket, or this kernel has no introspection",
        Errno.BadDescriptor => "the descriptor of the socket is not open",
        Errno.Io => "the VM belongs to another process; the process that made it has to hook it",
        Errno.NoMemory => "the kernel has no memory for it",
        _ => "the kernel gives no further reason",
    });

    private void Allow(uint? number, string name, int id, bool allow)
    {
        Span<byte> argument = stackalloc byte[AllowArgument.Length];
        new AllowArgument(allow ? 1u : 0, id).Write(argument);
        if (NativeMethods.Ioctl(_vm, Require(number, name), argument) < 0)
        {
            throw Failed(name, Marshal.GetLastPInvokeError());
        }
    }

    private void Call(uint? number, string name)
    {
        if (NativeMethods.Ioctl(_vm, Require(number, name), 0) < 0)
        {
            throw Failed(name, Marshal.GetLastPInvokeError());
        }
    }

    private uint Require(uint? number, string name) =>
        number ?? throw new NotSupportedException($"The series {Series} has no {name}.");

    private static KvmException Failed(string name, int errno) => new(name, errno, errno switch
    {
        Errno.Fault => "the VM is not introspected any more",
        Errno.Invalid => "this kernel does not know that id",
        Errno.NoEntry => "the VM is not introspected, or the tool did not enable the UNHOOK event or its socket takes nothing; go on without waiting for it",
        Errno.Perm => "the kernel does not permit it: a command that every tool needs cannot be forbidden, and a tool that did not enable UNHOOK cannot be asked",
        _ => "the kernel gives no further reason",
    });
}
