using System.Runtime.InteropServices;

namespace Kvmi.Kvm.Native;

/// <summary>ioctls that throw instead of returning -1.</summary>
internal static class KernelCall
{
    /// <summary>Refuses everything but Linux on x86-64: numbers and layouts here are those of that system.</summary>
    /// <exception cref="PlatformNotSupportedException">This is another system.</exception>
    public static void RequirePlatform()
    {
        if (!OperatingSystem.IsLinux() || RuntimeInformation.ProcessArchitecture != Architecture.X64)
        {
            throw new PlatformNotSupportedException(
                $"The KVM interfaces are written for Linux on x86-64; this is {RuntimeInformation.OSDescription} on {RuntimeInformation.ProcessArchitecture}.");
        }
    }

    /// <summary>Opens a device file for reading and writing, close-on-exec.</summary>
    /// <exception cref="KvmException">It cannot be opened.</exception>
    public static KernelDescriptor Open(string path)
    {
        var descriptor = NativeMethods.Open(path, NativeMethods.OpenReadWrite | NativeMethods.OpenCloseOnExec);
        return descriptor < 0 ? throw new KvmException($"open {path}", Marshal.GetLastPInvokeError()) : new KernelDescriptor(descriptor);
    }

    /// <summary>An ioctl whose argument is a number.</summary>
    /// <returns>What the kernel returned, 0 or more.</returns>
    /// <exception cref="KvmException">The kernel refused.</exception>
    public static int Ioctl(SafeHandle descriptor, KvmRequest request, nint argument = 0)
    {
        var result = NativeMethods.Ioctl(descriptor, request.Number, argument);
        return result < 0 ? throw new KvmException(request.Name, Marshal.GetLastPInvokeError()) : result;
    }

    /// <summary>An ioctl whose argument is a structure, read and written in place.</summary>
    /// <returns>What the kernel returned, 0 or more.</returns>
    /// <exception cref="KvmException">The kernel refused.</exception>
    public static int Ioctl(SafeHandle descriptor, KvmRequest request, Span<byte> argument)
    {
        var result = NativeMethods.Ioctl(descriptor, request.Number, argument);
        return result < 0 ? throw new KvmException(request.Name, Marshal.GetLastPInvokeError()) : result;
    }

    /// <summary>An ioctl whose argument is a structure.</summary>
    /// <exception cref="KvmException">The kernel refused.</exception>
    public static void Ioctl<T>(SafeHandle descriptor, KvmRequest request, ref T argument)
        where T : unmanaged =>
        _ = Ioctl(descriptor, request, MemoryMarshal.AsBytes(new Span<T>(ref argument)));

    /// <summary>An ioctl that gives a new descriptor.</summary>
    /// <exception cref="KvmException">The kernel refused.</exception>
    public static KernelDescriptor Create(SafeHandle descriptor, KvmRequest request, nint argument) => new(Ioctl(descriptor, request, argument));
}
