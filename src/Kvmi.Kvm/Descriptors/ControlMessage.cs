using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Kvmi.Kvm.Native;

namespace Kvmi.Kvm.Descriptors;

/// <summary>sendmsg(2) and recvmsg(2) with SCM_RIGHTS, laid out as the x86-64 headers have it.</summary>
internal static unsafe partial class ControlMessage
{
    private const int SolSocket = 1;
    private const int ScmRights = 1;
    private const int HeaderLength = 16;
    private const int DontWait = 0x40;
    private const int NoSignal = 0x4000;
    private const int CloseOnExec = 0x40000000;
    private const int ControlCut = 0x8;

    /// <summary>Sends as much as the socket takes now.</summary>
    /// <returns>Bytes sent; 0 when the socket takes none, and then no descriptor either.</returns>
    /// <exception cref="DescriptorChannelException">The peer has gone, or a descriptor cannot be passed.</exception>
    public static int Send(SafeHandle socket, ReadOnlySpan<byte> payload, ReadOnlySpan<int> descriptors)
    {
        var length = HeaderLength + (descriptors.Length * sizeof(int));
        Span<byte> control = stackalloc byte[Align(length)];
        control.Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(control, (ulong)length);
        BinaryPrimitives.WriteInt32LittleEndian(control[8..], SolSocket);
        BinaryPrimitives.WriteInt32LittleEndian(control[12..], ScmRights);
        MemoryMarshal.AsBytes(descriptors).CopyTo(control[HeaderLength..]);
        fixed (byte* bytes = payload, controlBytes = control)
        {
            var vector = new IoVector { Base = bytes, Length = (nuint)payload.Length };
            var message = new MessageHeader { Vectors = &vector, VectorCount = 1 };
            if (descriptors.Length > 0)
            {
                message.Control = controlBytes;
                message.ControlLength = (nuint)control.Length;
            }

            var sent = SendMessage(socket, &message, DontWait | NoSignal);
            if (sent < 0)
            {
                ThrowUnlessAgain("sent");
                return 0;
            }

            return (int)sent;
        }
    }

    /// <summary>Receives what is there.</summary>
    /// <param name="socket">The socket.</param>
    /// <param name="payload">Room for bytes.</param>
    /// <param name="descriptors">Gets every descriptor that came, wanted or not.</param>
    /// <param name="isCut">True when control data was lost.</param>
    /// <returns>Bytes received, 0 at the end of the stream; null when nothing is there yet.</returns>
    /// <exception cref="DescriptorChannelException">The connection broke.</exception>
    public static int? Receive(SafeHandle socket, Span<byte> payload, List<KernelDescriptor> descriptors, out bool isCut)
    {
        isCut = false;
        Span<byte> control = stackalloc byte[Align(HeaderLength + (DescriptorChannel.MaxDescriptors * sizeof(int)))];
        control.Clear();
        fixed (byte* bytes = payload, controlBytes = control)
        {
            var vector = new IoVector { Base = bytes, Length = (nuint)payload.Length };
            var message = new MessageHeader
            {
                Vectors = &vector,
                VectorCount = 1,
                Control = controlBytes,
                ControlLength = (nuint)control.Length,
            };
            var received = ReceiveMessage(socket, &message, DontWait | CloseOnExec);
            if (received < 0)
            {
                ThrowUnlessAgain("received");
                return null;
            }

            Collect(control[..(int)message.ControlLength], descriptors);
            isCut = (message.Flags & ControlCut) != 0;
            return (int)received;
        }
    }

    // The kernel wrote these headers, not the peer; lengths are checked all the same.
    private static void Collect(ReadOnlySpan<byte> control, List<KernelDescriptor> descriptors)
    {
        while (control.Length >= HeaderLength)
        {
            var length = (int)Math.Min(BinaryPrimitives.ReadUInt64LittleEndian(control), (ulong)control.Length);
            if (length < HeaderLength)
            {
                return;
            }

            if (BinaryPrimitives.ReadInt32LittleEndian(control[8..]) == SolSocket && BinaryPrimitives.ReadInt32LittleEndian(control[12..]) == ScmRights)
            {
                for (var data = control[HeaderLength..length]; data.Length >= sizeof(int); data = data[sizeof(int)..])
                {
                    descriptors.Add(new KernelDescriptor(BinaryPrimitives.ReadInt32LittleEndian(data)));
                }
            }

            control = control[Math.Min(Align(length), control.Length)..];
        }
    }

    // EINTR and EAGAIN: the call is simply to be made again.
    private static void ThrowUnlessAgain(string what)
    {
        var errno = Marshal.GetLastPInvokeError();
        if (errno is not (Errno.Interrupted or Errno.Again))
        {
            throw new DescriptorChannelException($"Descriptors could not be {what}: {Errno.NameOf(errno)}, {Marshal.GetPInvokeErrorMessage(errno)}.");
        }
    }

    private static int Align(int length) => (length + 7) & ~7;

    [LibraryImport("libc", EntryPoint = "sendmsg", SetLastError = true)]
    private static partial nint SendMessage(SafeHandle socket, MessageHeader* message, int flags);

    [LibraryImport("libc", EntryPoint = "recvmsg", SetLastError = true)]
    private static partial nint ReceiveMessage(SafeHandle socket, MessageHeader* message, int flags);

    [StructLayout(LayoutKind.Sequential)]
    private struct IoVector
    {
        public byte* Base;
        public nuint Length;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct MessageHeader
    {
        public nint Name;
        public uint NameLength;
        public IoVector* Vectors;
        public nuint VectorCount;
        public byte* Control;
        public nuint ControlLength;
        public int Flags;
    }
}
