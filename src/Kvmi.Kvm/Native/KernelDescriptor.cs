using Microsoft.Win32.SafeHandles;

namespace Kvmi.Kvm.Native;

/// <summary>A file descriptor that is closed once.</summary>
internal sealed class KernelDescriptor : SafeHandleMinusOneIsInvalid
{
    public KernelDescriptor(int descriptor)
        : base(ownsHandle: true) => SetHandle(descriptor);

    protected override bool ReleaseHandle() => NativeMethods.Close(handle) == 0;
}
