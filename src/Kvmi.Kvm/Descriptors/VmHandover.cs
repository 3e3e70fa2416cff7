using System.Buffers.Binary;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;
using Kvmi.Kvm.Devices;
using Kvmi.Kvm.Native;

namespace Kvmi.Kvm.Descriptors;

/// <summary>
/// A VM and the socket of its tool, handed from one process to another in one message: the two descriptors and a record of 32
/// bytes that is this project's own (no part of KVMI). The receiver can hold the VM, look at it and close it, but Linux lets only
/// the process that made a VM call it: to HOOK, send the socket towards that process, or use both ends in one process.
/// </summary>
public sealed class VmHandover : IDisposable
{
    private const int Length = 32;
    private const uint Version = 1;
    private const int VmIndex = 0;
    private const int SocketIndex = 1;

    private VmHandover(Guid uuid, KvmVm vm, Socket tool)
    {
        Uuid = uuid;
        Vm = vm;
        Tool = tool;
    }

    private static ReadOnlySpan<byte> Magic => "KVMI-VM\0"u8;

    /// <summary>UUID of the VM, as the sender gave it.</summary>
    public Guid Uuid { get; }

    /// <summary>The VM; owned by this object.</summary>
    public KvmVm Vm { get; }

    /// <summary>The socket whose other end is the tool; owned by this object.</summary>
    public Socket Tool { get; }

    /// <summary>Sends a VM and a socket.</summary>
    /// <param name="channel">Where to.</param>
    /// <param name="uuid">UUID of the VM.</param>
    /// <param name="vm">The VM; stays owned by the caller.</param>
    /// <param name="tool">The connected stream socket; stays owned by the caller.</param>
    /// <param name="limit">How long it may take.</param>
    /// <exception cref="DescriptorChannelException">The peer has gone or takes nothing.</exception>
    public static void Send(DescriptorChannel channel, Guid uuid, KvmVm vm, Socket tool, TimeSpan limit)
    {
        ArgumentNullException.ThrowIfNull(channel);
        ArgumentNullException.ThrowIfNull(vm);
        ArgumentNullException.ThrowIfNull(tool);
        Span<byte> record = stackalloc byte[Length];
        record.Clear();
        Magic.CopyTo(record);
        BinaryPrimitives.WriteUInt32LittleEndian(record[8..], Version);
        uuid.TryWriteBytes(record[16..], bigEndian: true, out _);
        channel.Send(record, [vm.Handle, tool.SafeHandle], limit);
    }

    /// <summary>Receives a VM and a socket.</summary>
    /// <param name="channel">Where from.</param>
    /// <param name="limit">How long it may take.</param>
    /// <exception cref="DescriptorChannelException">
    /// Something else came: another record, another number of descriptors, a descriptor that is no VM or no stream socket. All that came is closed.
    /// </exception>
    public static VmHandover Receive(DescriptorChannel channel, TimeSpan limit)
    {
        ArgumentNullException.ThrowIfNull(channel);
        Span<byte> record = stackalloc byte[Length];
        var descriptors = channel.Receive(record, 2, limit);
        try
        {
            if (!record.StartsWith(Magic) || BinaryPrimitives.ReadUInt32LittleEndian(record[8..]) != Version
                || BinaryPrimitives.ReadUInt32LittleEndian(record[12..]) != 0)
            {
                throw new DescriptorChannelException($"The peer's record is no handover of a VM: it begins with {Convert.ToHexStringLower(record[..16])}.");
            }

            Check(descriptors);
            return new VmHandover(new Guid(record[16..], bigEndian: true), new KvmVm((KernelDescriptor)descriptors[VmIndex], null), TakeSocket(descriptors[SocketIndex]));
        }
        catch
        {
            foreach (var descriptor in descriptors)
            {
                descriptor.Dispose();
            }

            throw;
        }
    }

    /// <summary>Closes this process's descriptors of VM and socket.</summary>
    public void Dispose()
    {
        Vm.Dispose();
        Tool.Dispose();
    }

    private static void Check(IReadOnlyList<SafeHandle> descriptors)
    {
        // Asking the descriptor itself would not tell: ioctls of a VM that another process made fail like those of a wrong file.
        var kind = KindOf(descriptors[VmIndex]);
        if (kind != "anon_inode:kvm-vm")
        {
            throw new DescriptorChannelException("The first descriptor of the peer is no KVM VM.");
        }

        if (SocketOptions.Type(descriptors[SocketIndex]) != SocketOptions.Stream)
        {
            throw new DescriptorChannelException("The second descriptor of the peer is no stream socket.");
        }
    }

    private static string KindOf(SafeHandle descriptor)
    {
        var added = false;
        try
        {
            descriptor.DangerousAddRef(ref added);
            Span<byte> buffer = stackalloc byte[64];
            var length = NativeMethods.ReadLink($"/proc/self/fd/{descriptor.DangerousGetHandle()}", buffer, (nuint)buffer.Length);
            return length < 0 ? "" : Encoding.UTF8.GetString(buffer[..(int)length]);
        }
        finally
        {
            if (added)
            {
                descriptor.DangerousRelease();
            }
        }
    }

    private static Socket TakeSocket(SafeHandle descriptor)
    {
        var socket = new SafeSocketHandle(descriptor.DangerousGetHandle(), ownsHandle: true);
        descriptor.SetHandleAsInvalid();
        return new Socket(socket);
    }
}
