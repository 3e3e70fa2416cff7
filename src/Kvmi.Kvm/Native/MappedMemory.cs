using System.Runtime.InteropServices;

namespace Kvmi.Kvm.Native;

/// <summary>A mapping of this process. The base class checks every access against the length and against disposal.</summary>
internal sealed class MappedMemory : SafeBuffer
{
    private static readonly nint Failed = -1;
    private readonly nuint _length;

    private MappedMemory(nint address, nuint length)
        : base(ownsHandle: true)
    {
        _length = length;
        SetHandle(address);
        Initialize(length);
    }

    /// <summary>Where the mapping lies; valid while it is not disposed.</summary>
    public nint Address => handle;

    public override bool IsInvalid => handle == Failed || handle == 0;

    /// <summary>Maps zeroed memory of its own.</summary>
    /// <exception cref="KvmException">The system has no memory for it.</exception>
    public static MappedMemory Allocate(nuint length) => Checked(
        NativeMethods.MapMemory(0, length, NativeMethods.ProtectReadWrite, NativeMethods.MapPrivateAnonymous, -1, 0), length);

    /// <summary>Maps what a descriptor shares.</summary>
    /// <exception cref="KvmException">The descriptor cannot be mapped.</exception>
    public static MappedMemory Map(SafeHandle descriptor, nuint length) => Checked(
        NativeMethods.MapDescriptor(0, length, NativeMethods.ProtectReadWrite, NativeMethods.MapShared, descriptor, 0), length);

    protected override bool ReleaseHandle() => NativeMethods.Unmap(handle, _length) == 0;

    private static MappedMemory Checked(nint address, nuint length) =>
        address == Failed ? throw new KvmException("mmap", Marshal.GetLastPInvokeError()) : new MappedMemory(address, length);
}
