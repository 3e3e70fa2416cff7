using System.Runtime.InteropServices;

namespace Kvmi.Policy.Host.Output;

/// <summary>
/// A file descriptor of this process that is written to as it stands. The stream that the console library offers swallows a reader that went away; here
/// every failure is an <see cref="IOException"/> whose HResult is the system's error number. It never closes the descriptor.
/// </summary>
internal sealed partial class StandardOutput : Stream
{
    /// <summary>Error number: nobody reads the pipe or socket any more.</summary>
    public const int BrokenPipe = 32;

    private const int Interrupted = 4;
    private const int WouldBlock = 11;
    private const short Writable = 4;

    private readonly int _descriptor;

    /// <summary>Takes a descriptor.</summary>
    /// <param name="descriptor">1 for stdout, 2 for stderr.</param>
    public StandardOutput(int descriptor) => _descriptor = descriptor;

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>Bytes of the last <see cref="Write(ReadOnlySpan{byte})"/> that the system took, also when it failed.</summary>
    public int Taken { get; private set; }

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        Taken = 0;
        while (Taken < buffer.Length)
        {
            var count = Write(_descriptor, buffer[Taken..], buffer.Length - Taken);
            if (count >= 0)
            {
                Taken += (int)count;
                continue;
            }

            switch (Marshal.GetLastPInvokeError())
            {
                case Interrupted:
                    break;
                case WouldBlock:
                    // A terminal is shared with programs that may have set it to non-blocking.
                    Wait();
                    break;
                case var error:
                    throw new IOException(Marshal.GetPInvokeErrorMessage(error), error);
            }
        }
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Flush()
    {
        // Nothing is kept back.
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    private void Wait()
    {
        var wait = new PollDescriptor { Descriptor = _descriptor, Events = Writable };
        _ = Poll(ref wait, 1, -1);
    }

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    private static partial nint Write(int descriptor, ReadOnlySpan<byte> bytes, nint count);

    [LibraryImport("libc", EntryPoint = "poll", SetLastError = true)]
    private static partial int Poll(ref PollDescriptor descriptors, nuint count, int milliseconds);

    private struct PollDescriptor
    {
        public int Descriptor;
        public short Events;
        public short Returned;
    }
}
