using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Dialects;
using Kvmi.Protocol.Dialects.RfcV5;
using Kvmi.Protocol.Events;
using Kvmi.Protocol.Layouts;
using Kvmi.TestSupport;

namespace Kvmi.Protocol.Tests.Dialects.RfcV5;

/// <summary>Every vector cut at every length and with bits flipped: neither end throws, and nothing is allocated by what a message announces.</summary>
public sealed class RfcV5HostileTests
{
    private const int Seed = 20261121;
    private static readonly Dialect Codec = Dialect.Find(KvmiDialect.RfcV5)!;

    [Fact]
    public void Vectors_cut_at_every_length()
    {
        foreach (var (_, bytes) in RfcV5Vectors.All.Values)
        {
            for (var length = 0; length <= Math.Min(bytes.Length, 700); length++)
            {
                var cut = bytes[..length];
                ReadEverything(cut);
                if (length >= MessageHeader.Length)
                {
                    BitConverter.TryWriteBytes(cut.AsSpan(2), (ushort)(length - MessageHeader.Length));
                    ReadEverything(cut);
                }
            }
        }
    }

    [Fact]
    public void Vectors_with_flipped_bits()
    {
        var random = new Random(Seed);
        foreach (var (_, bytes) in RfcV5Vectors.All.Values)
        {
            for (var round = 0; round < 200; round++)
            {
                var mutant = bytes.ToArray();
                for (var i = random.Next(1, 9); i > 0; i--)
                {
                    var position = random.Next(random.Next(2) == 0 ? Math.Min(32, mutant.Length) : mutant.Length);
                    mutant[position] ^= (byte)(1 << random.Next(8));
                }

                if (round % 2 == 0)
                {
                    BitConverter.TryWriteBytes(mutant.AsSpan(2), (ushort)(mutant.Length - MessageHeader.Length));
                }

                ReadEverything(mutant);
            }
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    [InlineData(ulong.MaxValue)]
    [InlineData(ulong.MaxValue - 15)]
    public void Announced_sizes_are_compared_not_added(ulong size)
    {
        // 16 + size wraps to the payload's length for the last of them.
        var payload = new byte[17];
        BitConverter.TryWriteBytes(payload.AsSpan(8), size);
        Assert.Equal(CommandStatus.Close, Codec.CheckFraming(new MessageHeader(14, 17, 1), payload));
        Assert.Equal(CommandStatus.Close, Codec.Read(payload, out WritePhysical _));
    }

    [Fact]
    public void Reading_allocates_nothing_whatever_the_counts_say()
    {
        var vectors = RfcV5Vectors.All.Values.Select(vector => vector.Bytes.ToArray()).ToArray();
        foreach (var bytes in vectors)
        {
            bytes.AsSpan(8, Math.Min(8, bytes.Length - 8)).Fill(0xFF);
            ReadTyped(RfcV5Dialect.Instance, bytes);
        }

        var before = GC.GetAllocatedBytesForCurrentThread();
        foreach (var bytes in vectors)
        {
            ReadTyped(RfcV5Dialect.Instance, bytes);
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Theory]
    [InlineData("E1")]
    [InlineData("E2")]
    [InlineData("E7")]
    public void Event_in_and_reply_out_allocate_nothing(string name)
    {
        var message = RfcV5Vectors.Bytes(name);
        var reply = new byte[512];
        var context = new byte[16];
        var sum = Answer(message, reply, context);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 10_000; i++)
        {
            sum += Answer(message, reply, context);
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.NotEqual(0ul, sum);
    }

    private static ulong Answer(byte[] message, byte[] destination, byte[] context)
    {
        if (Codec.ReadEvent(message, out var frame) != DecodeStatus.Ok)
        {
            return 0;
        }

        var reply = new EventReply { NewValue = frame.OldValue };
        if (frame.Kind == EventKind.PageFault)
        {
            reply.Context = context;
        }

        return frame.Regs.Rip + frame.Gpa + (ulong)Codec.WriteEventReply(destination, frame.Sequence, frame.Vcpu, frame.Kind, in reply);
    }

    private static void ReadEverything(byte[] message)
    {
        ReadTyped(RfcV5Dialect.Instance, message);
        ReadTyped(RfcV5Dialect.Documented, message);
        RfcV5Reread.Command(RfcV5Dialect.Documented, message.Length < 4200 ? message : message[..4200]);
        foreach (var direction in Enum.GetValues<MessageDirection>())
        {
            var decoded = new MessageDecoder(KvmiDialect.RfcV5).Decode(direction, message);
            Assert.Equal(Convert.ToHexString(message), Convert.ToHexString(new MessageEncoder(KvmiDialect.RfcV5).Encode(decoded)));
        }
    }

    private static void ReadTyped(Dialect codec, ReadOnlySpan<byte> message)
    {
        if (codec.ReadEvent(message, out var frame) == DecodeStatus.Ok)
        {
            RfcV5Reread.Body(frame);
            _ = (frame.Mode, frame.View, frame.Regs.Rip, frame.Sregs.Cr3, frame.Msrs.ShadowGs, frame.FaultView);
        }

        codec.ReadUnknownEvent(message, out _, out _);
        for (var kind = EventKind.Unhook; kind <= EventKind.PauseVcpu; kind++)
        {
            codec.ReadEventReply(message, kind, out _, out _, out _);
        }

        var payload = message.Length < 8 ? message : message[8..];
        if (MessageHeader.TryRead(message, out var header))
        {
            codec.CheckHeader(in header);
            codec.CheckFraming(in header, payload);
        }

        codec.ReadVcpuOnly(payload, out _);
        codec.Read(payload, out ControlEventMask _);
        codec.Read(payload, out ControlVmEventMask _);
        codec.Read(payload, out ControlCr _);
        codec.Read(payload, out ControlMsr _);
        codec.Read(payload, out ReadPhysical _);
        codec.Read(payload, out WritePhysical _);
        codec.Read(payload, out InjectException _);
        codec.Read(payload, out GetCpuid _);
        codec.Read(payload, out GetRegisters _);
        codec.Read(payload, out GetPageAccess _);
        codec.Read(payload, out SetPageAccess _);
        codec.ReadSetRegisters(payload, out _, out _);
        codec.ReadReply(payload, out KvmiError _, out var data);
        foreach (var isData in new ReadOnlySpan<bool>([true, false]))
        {
            var part = isData ? data : payload;
            codec.ReadReply(part, out VersionReply _);
            codec.ReadReply(part, out VmInfoReply _);
            codec.ReadReply(part, out RegistersReply _);
            codec.ReadReply(part, out CpuidReply _);
            codec.ReadReply(part, out MapToken _);
            codec.ReadNumberReply(part, out _);
            codec.ReadPauseAllReply(part, out _);
        }
    }
}
