using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Kvmi.Policy.Engine.Containment.Metering;

/// <summary>Where the stack of the current thread ends.</summary>
internal static unsafe partial class StackBounds
{
    // pthread_attr_t has 56 bytes on Linux.
    private const int AttributesSize = 256;

    [ThreadStatic]
    private static nuint t_lowest;

    /// <summary>Bytes between the caller's place and the end of its thread's stack; 0 when the system does not tell.</summary>
    public static nuint Free()
    {
        byte here;
        if (t_lowest == 0)
            t_lowest = Ask();

        return (nuint)(&here) > t_lowest && t_lowest != nuint.MaxValue ? (nuint)(&here) - t_lowest : 0;
    }

    // The kernel is asked for the main thread alone (its memory map): for the others the C library knows.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static nuint Ask()
    {
        if (!OperatingSystem.IsLinux())
            return nuint.MaxValue;

        var attributes = stackalloc byte[AttributesSize];
        if (GetAttributes(Self(), attributes) != 0)
            return nuint.MaxValue;

        nuint lowest, size;
        var found = GetStack(attributes, &lowest, &size) == 0 && lowest != 0;
        _ = Destroy(attributes);
        return found ? lowest : nuint.MaxValue;
    }

    [LibraryImport("libc", EntryPoint = "pthread_self")]
    private static partial nint Self();

    [LibraryImport("libc", EntryPoint = "pthread_getattr_np")]
    private static partial int GetAttributes(nint thread, byte* attributes);

    [LibraryImport("libc", EntryPoint = "pthread_attr_getstack")]
    private static partial int GetStack(byte* attributes, nuint* lowest, nuint* size);

    [LibraryImport("libc", EntryPoint = "pthread_attr_destroy")]
    private static partial int Destroy(byte* attributes);
}
