using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Dialects;
using Kvmi.Protocol.Events;
using Kvmi.Protocol.Handshake;
using Kvmi.Protocol.Layouts;

namespace Kvmi.Protocol.Tests.Dialects.V7;

/// <summary>
/// Every captured message cut at every length and with bits flipped: neither end throws. The bytes given are the whole
/// memory that the readers may touch, so a read outside them would throw.
/// </summary>
public sealed class V7HostileTests
{
    private const int Seed = 20261121;
    private static readonly Dialect Codec = Dialect.Find(KvmiDialect.V7)!;

    [Theory]
    [MemberData(nameof(CaptureFiles.V7Theory), MemberType = typeof(CaptureFiles))]
    public void Messages_cut_at_every_length(string file)
    {
        foreach (var bytes in CaptureFiles.Read(file).Select(entry => entry.Bytes).OfType<byte[]>())
        {
            for (var length = 0; length <= bytes.Length; length++)
            {
                ReadEverything(bytes.AsSpan(0, length));
                if (length < MessageHeader.Length)
                {
                    continue;
                }

                // The same with a header that agrees, so that the bodies are reached.
                var agreeing = bytes[..length];
                BitConverter.TryWriteBytes(agreeing.AsSpan(2), (ushort)(length - MessageHeader.Length));
                ReadEverything(agreeing);
            }
        }
    }

    [Theory]
    [MemberData(nameof(CaptureFiles.V7Theory), MemberType = typeof(CaptureFiles))]
    public void Messages_with_flipped_bits(string file)
    {
        var random = new Random(Seed);
        foreach (var bytes in CaptureFiles.Read(file).Select(entry => entry.Bytes).OfType<byte[]>())
        {
            for (var round = 0; round < 60; round++)
            {
                var mutant = bytes.ToArray();
                var flips = random.Next(1, 9);
                for (var i = 0; i < flips; i++)
                {
                    // Mostly near the front, where sizes, counts and ids are.
                    var position = random.Next(random.Next(2) == 0 ? Math.Min(32, mutant.Length) : mutant.Length);
                    mutant[position] ^= (byte)(1 << random.Next(8));
                }

                if (round % 2 == 0 && mutant.Length >= MessageHeader.Length)
                {
                    BitConverter.TryWriteBytes(mutant.AsSpan(2), (ushort)(mutant.Length - MessageHeader.Length));
                }

                ReadEverything(mutant);
            }
        }
    }

    [Fact]
    public void Whole_mutated_conversations_decode_and_encode_to_the_same_bytes()
    {
        var random = new Random(Seed);
        var encoder = new MessageEncoder(KvmiDialect.V7);
        foreach (var file in CaptureFiles.V7)
        {
            var decoder = new MessageDecoder(KvmiDialect.V7);
            foreach (var entry in CaptureFiles.Read(file).Where(entry => entry.Bytes is not null))
            {
                var mutant = entry.Bytes!.AsSpan(0, random.Next(entry.Bytes!.Length + 1)).ToArray();
                if (mutant.Length > 0)
                {
                    mutant[random.Next(mutant.Length)] ^= (byte)random.Next(256);
                }

                if (mutant.Length >= MessageHeader.Length && random.Next(4) != 0)
                {
                    BitConverter.TryWriteBytes(mutant.AsSpan(2), (ushort)(mutant.Length - MessageHeader.Length));
                }

                var message = decoder.Decode(entry.Direction, mutant);
                Assert.Equal(Convert.ToHexString(mutant), Convert.ToHexString(encoder.Encode(message)));
            }
        }
    }

    private static void ReadEverything(ReadOnlySpan<byte> message)
    {
        var bytes = message.ToArray();
        ReadAsTool(bytes);
        ReadAsKernel(bytes);
        HelloRecord.TryRead(bytes, out _);
        HandshakeAnswer.TryRead(bytes, out _);
        MessageDecoder.DecodeHello(bytes);
        MessageDecoder.DecodeAnswer(bytes);
        new MessageDecoder(KvmiDialect.V7).Decode(MessageDirection.KernelToTool, bytes);
        new MessageDecoder(KvmiDialect.V7).Decode(MessageDirection.ToolToKernel, bytes);
    }

    private static void ReadAsTool(ReadOnlySpan<byte> message)
    {
        if (Codec.ReadEvent(message, out var frame) == DecodeStatus.Ok)
        {
            // Every accessor, whatever the kind says.
            V7Events.Body(frame);
            _ = (frame.Mode, frame.View, frame.Regs.Rip, frame.Sregs.InterruptBitmap3, frame.Msrs.ShadowGs);
            _ = (frame.Cr, frame.Msr, frame.Xcr, frame.OldValue, frame.NewValue, frame.Gva, frame.Gpa, frame.Access, frame.FaultView);
        }

        var payload = message.Length < 8 ? message : message[8..];
        Codec.ReadReply(payload, out KvmiError _, out var data);
        foreach (var part in new[] { data.ToArray(), payload.ToArray() })
        {
            Codec.ReadReply(part, out VersionReply _);
            Codec.ReadReply(part, out CpuidReply _);
            Codec.ReadReply(part, out VmInfoReply _);
            Codec.ReadReply(part, out MapToken _);
            Codec.ReadReply(part, out PhysicalExtent _);
            Codec.ReadNumberReply(part, out _);
            if (Codec.ReadReply(part, out RegistersReply registers) == DecodeStatus.Ok)
            {
                _ = (registers.Mode, registers.Regs.Rax, registers.Sregs.Cr3);
                V7Events.Msrs(registers);
            }
        }
    }

    private static void ReadAsKernel(ReadOnlySpan<byte> message)
    {
        var payload = message.Length < 8 ? message : message[8..];
        Codec.ReadVcpuOnly(payload, out _);
        Codec.Read(payload, out CheckCommand _);
        Codec.Read(payload, out CheckEvent _);
        Codec.Read(payload, out PauseVcpu _);
        Codec.Read(payload, out ControlVmEvents _);
        Codec.Read(payload, out ControlEvents _);
        Codec.Read(payload, out ControlCr _);
        Codec.Read(payload, out ControlMsr _);
        Codec.Read(payload, out ReadPhysical _);
        Codec.Read(payload, out WritePhysical _);
        Codec.Read(payload, out InjectException _);
        Codec.Read(payload, out ControlCommandResponse _);
        Codec.Read(payload, out GetCpuid _);
        Codec.Read(payload, out TranslateGva _);
        Codec.Read(payload, out ControlSinglestep _);
        Codec.Read(payload, out SwitchEptView _);
        Codec.Read(payload, out ControlEptView _);
        Codec.Read(payload, out DestroyEptView _);
        Codec.Read(payload, out SetVeInfoPage _);
        Codec.Read(payload, out SetPageSve _);
        Codec.Read(payload, out ControlSpp _);
        Codec.Read(payload, out QueryPhysical _);
        Codec.Read(payload, out AllocGfn _);
        Codec.Read(payload, out FreeGfn _);
        Codec.Read(payload, out ChangeGfn _);
        Codec.ReadSetRegisters(payload, out _, out _);
        if (Codec.Read(payload, out SetPageWriteBitmap bitmaps) == CommandStatus.Ok)
        {
            for (var i = 0; i < bitmaps.Count; i++)
            {
                bitmaps.TryGetEntry(i, out _);
            }
        }

        if (Codec.Read(payload, out GetRegisters registers) == CommandStatus.Ok)
        {
            V7Events.Msrs(registers);
        }

        if (Codec.Read(payload, out SetPageAccess access) == CommandStatus.Ok)
        {
            V7Events.Entries(access);
        }

        for (var kind = EventKind.Unhook; kind <= EventKind.Cpuid; kind++)
        {
            Codec.ReadEventReply(message, kind, out _, out _, out var reply);
            Assert.InRange(reply.Context.Length, 0, 256);
        }
    }
}
