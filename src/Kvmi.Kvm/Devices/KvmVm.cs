using System.Runtime.InteropServices;
using Kvmi.Kvm.Native;

namespace Kvmi.Kvm.Devices;

/// <summary>
/// A VM. Linux lets only the process that made it use it: for any other process that holds the descriptor every call fails
/// with EIO. Its members may be used by any thread; disposing closes the vCPUs and gives the memory back, and must not happen
/// while a vCPU runs.
/// </summary>
public sealed partial class KvmVm : IDisposable
{
    private readonly Lock _lock = new();
    private readonly KernelDescriptor _descriptor;
    private readonly int? _vcpuMappingSize;
    private readonly List<IDisposable> _parts = [];

    /// <summary>Takes a descriptor over.</summary>
    /// <param name="descriptor">Of a VM.</param>
    /// <param name="vcpuMappingSize">Bytes that a vCPU shares; null when the VM came from elsewhere.</param>
    internal KvmVm(KernelDescriptor descriptor, int? vcpuMappingSize)
    {
        _descriptor = descriptor;
        _vcpuMappingSize = vcpuMappingSize;
    }

    /// <summary>The descriptor, for passing it on. Stays owned by this object.</summary>
    public SafeHandle Handle => _descriptor;

    /// <summary>Asks for a capability of this VM (KVM_CHECK_EXTENSION on its descriptor).</summary>
    /// <param name="capability">Its number; <see cref="KvmCapability"/> names some.</param>
    /// <returns>0 when the kernel lacks it; else 1 or a number with a meaning of its own.</returns>
    /// <exception cref="KvmException">The kernel refused; EIO when the VM is another process's.</exception>
    public int CheckExtension(int capability) => KernelCall.Ioctl(_descriptor, KvmRequest.CheckExtension, capability);

    /// <summary>Gives the guest memory (KVM_SET_USER_MEMORY_REGION): zeroed, readable, writable and executable for it.</summary>
    /// <param name="slot">Number of the region, from 0; one that is in use is replaced.</param>
    /// <param name="guestAddress">Where the guest sees it, a multiple of 4096.</param>
    /// <param name="size">Bytes, a positive multiple of 4096.</param>
    /// <returns>The memory; owned by the VM.</returns>
    /// <exception cref="KvmException">The kernel refused: addresses that overlap or are not aligned, or no memory.</exception>
    public GuestMemory AddMemory(int slot, ulong guestAddress, int size)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(slot);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(size);
        var memory = new GuestMemory(guestAddress, size);
        try
        {
            var region = new UserMemoryRegion
            {
                Slot = (uint)slot,
                GuestAddress = guestAddress,
                Size = (ulong)size,
                UserAddress = (ulong)memory.HostAddress,
            };
            KernelCall.Ioctl(_descriptor, KvmRequest.SetUserMemoryRegion, ref region);
        }
        catch
        {
            memory.Dispose();
            throw;
        }

        return Own(memory);
    }

    /// <summary>Adds a vCPU (KVM_CREATE_VCPU), in the state of a processor after reset.</summary>
    /// <param name="id">Its number, from 0, not yet in use.</param>
    /// <returns>The vCPU; owned by the VM.</returns>
    /// <exception cref="KvmException">The kernel refused: EEXIST when there is one with this number, EIO when the VM is another process's.</exception>
    public KvmVcpu CreateVcpu(int id)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(id);
        var descriptor = KernelCall.Create(_descriptor, KvmRequest.CreateVcpu, id);
        try
        {
            return Own(new KvmVcpu(id, descriptor, MappedMemory.Map(descriptor, (nuint)(_vcpuMappingSize ?? AskMappingSize()))));
        }
        catch
        {
            descriptor.Dispose();
            throw;
        }
    }

    /// <summary>Closes the vCPUs and the VM, then gives the memory back.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            _parts.ForEach(part => (part as KvmVcpu)?.Dispose());
            _descriptor.Dispose();
            _parts.ForEach(part => part.Dispose());
            _parts.Clear();
        }
    }

    private static int AskMappingSize()
    {
        using var system = KvmSystem.Open();
        return system.VcpuMappingSize;
    }

    private T Own<T>(T part)
        where T : IDisposable
    {
        lock (_lock)
        {
            _parts.Add(part);
        }

        return part;
    }

    // struct kvm_userspace_memory_region: 32 bytes.
    [StructLayout(LayoutKind.Sequential, Size = 32)]
    private struct UserMemoryRegion
    {
        public uint Slot;
        public uint Flags;
        public ulong GuestAddress;
        public ulong Size;
        public ulong UserAddress;
    }
}
