using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Kvmi.Kvm.Tests.Support;

/// <summary>
/// A pipe whose write end is sent away: the read end sees the end of the stream exactly when nobody holds the write end any more.
/// </summary>
internal sealed partial class Pipe : IDisposable
{
    private const int CloseOnExec = 0x80000;
    private const int NonBlocking = 0x800;

    public Pipe()
    {
        Span<int> descriptors = stackalloc int[2];
        Assert.Equal(0, Create(descriptors, CloseOnExec | NonBlocking));
        Reader = new SafeFileHandle(descriptors[0], true);
        Writer = new SafeFileHandle(descriptors[1], true);
    }

    public SafeFileHandle Reader { get; }

    public SafeFileHandle Writer { get; }

    /// <summary>Closes our write end and tells whether a copy of it is still open.</summary>
    public bool IsHeldByOthers()
    {
        Writer.Dispose();
        Span<byte> buffer = stackalloc byte[1];
        return Read(Reader, buffer, 1) != 0;
    }

    public void Dispose()
    {
        Reader.Dispose();
        Writer.Dispose();
    }

    [LibraryImport("libc", EntryPoint = "pipe2", SetLastError = true)]
    private static partial int Create(Span<int> descriptors, int flags);

    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    private static partial nint Read(SafeHandle descriptor, Span<byte> buffer, nuint length);
}
