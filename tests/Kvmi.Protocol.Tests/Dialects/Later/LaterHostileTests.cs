using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Dialects;
using Kvmi.Protocol.Events;
using Kvmi.Protocol.Handshake;
using Kvmi.Protocol.Layouts;
using Kvmi.Protocol.Tests.Dialects.V7;

namespace Kvmi.Protocol.Tests.Dialects.Later;

/// <summary>
/// Every captured message cut at every length and with bits flipped: neither end throws. The bytes given are the whole
/// memory that the readers may touch, so a read outside them would throw.
/// </summary>
public sealed class LaterHostileTests
{
    private const int Seed = 20261121;
    private static readonly Dialect[] Codecs = [.. Dialect.All.Where(dialect => dialect.Id != KvmiDialect.RfcV5)];

    [Theory]
    [MemberData(nameof(CaptureFiles.All), MemberType = typeof(CaptureFiles))]
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
    [MemberData(nameof(CaptureFiles.All), MemberType = typeof(CaptureFiles))]
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
        foreach (var file in CaptureFiles.V7.Concat(CaptureFiles.V11))
        {
            var encoder = new MessageEncoder(CaptureFiles.DialectOf(file));
            var decoder = new MessageDecoder(CaptureFiles.DialectOf(file));
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
        foreach (var codec in Codecs)
        {
            ReadAsTool(codec, bytes);
            ReadAsKernel(codec, bytes);
            new MessageDecoder(codec.Id).Decode(MessageDirection.KernelToTool, bytes);
            new MessageDecoder(codec.Id).Decode(MessageDirection.ToolToKernel, bytes);
        }

        HelloRecord.TryRead(bytes, out _);
        HandshakeAnswer.TryRead(bytes, out _);
        MessageDecoder.DecodeHello(bytes);
        MessageDecoder.DecodeAnswer(bytes);
    }

    private static void ReadAsTool(Dialect codec, ReadOnlySpan<byte> message)
    {
        if (codec.ReadEvent(message, out var frame) == DecodeStatus.Ok)
        {
            // Every accessor, whatever the kind says.
            V7Events.Body(frame);
            _ = (frame.Mode, frame.View, frame.Regs.Rip, frame.Sregs.InterruptBitmap3, frame.Msrs.ShadowGs);
            _ = (frame.Cr, frame.Msr, frame.Xcr, frame.OldValue, frame.NewValue, frame.Gva, frame.Gpa, frame.Access, frame.FaultView, frame.HasXsetbvValues);
        }

        var payload = message.Length < 8 ? message : message[8..];
        codec.ReadReply(payload, out KvmiError _, out var data);
        foreach (var part in new[] { data.ToArray(), payload.ToArray() })
        {
            codec.ReadReply(part, out VersionReply _);
            codec.ReadReply(part, out CpuidReply _);
            codec.ReadReply(part, out VmInfoReply _);
            codec.ReadNumberReply(part, out _);
            if (codec.Id == KvmiDialect.V7)
            {
                codec.ReadReply(part, out MapToken _);
                codec.ReadReply(part, out PhysicalExtent _);
            }

            if (codec.ReadReply(part, out RegistersReply registers) == DecodeStatus.Ok)
            {
                _ = (registers.Mode, registers.Regs.Rax, registers.Sregs.Cr3);
                V7Events.Msrs(registers);
            }
        }
    }

    private static void ReadAsKernel(Dialect codec, ReadOnlySpan<byte> message)
    {
        var payload = message.Length < 8 ? message : message[8..];
        codec.ReadVcpuOnly(payload, out _);
        codec.Read(payload, out CheckCommand _);
        codec.Read(payload, out CheckEvent _);
        codec.Read(payload, out PauseVcpu _);
        codec.Read(payload, out ControlVmEvents _);
        codec.Read(payload, out ControlEvents _);
        codec.Read(payload, out ControlCr _);
        codec.Read(payload, out ControlMsr _);
        codec.Read(payload, out ReadPhysical _);
        codec.Read(payload, out WritePhysical _);
        codec.Read(payload, out InjectException _);
        codec.Read(payload, out GetXcr _);
        codec.Read(payload, out GetMtrrType _);
        if (codec.Id == KvmiDialect.V7)
        {
            ReadAsV7Kernel(codec, payload);
        }
        else
        {
            codec.Read(payload, out ControlCleanup _);
        }

        codec.Read(payload, out GetCpuid _);
        codec.Read(payload, out TranslateGva _);
        codec.Read(payload, out ControlSinglestep _);
        codec.ReadSetRegisters(payload, out _, out _);
        codec.ReadSetXsave(payload, out _, out var area);
        Assert.InRange(area.Length, 0, Math.Max(0, payload.Length - 8));
        if (codec.Read(payload, out GetRegisters registers) == CommandStatus.Ok)
        {
            V7Events.Msrs(registers);
        }

        if (codec.Read(payload, out SetPageAccess access) == CommandStatus.Ok)
        {
            V7Events.Entries(access);
        }

        codec.ReadUnknownEvent(message, out _, out _);
        for (var kind = EventKind.Unhook; kind <= EventKind.Cpuid; kind++)
        {
            codec.ReadEventReply(message, kind, out _, out _, out var reply);
            Assert.InRange(reply.Context.Length, 0, 256);
        }
    }

    private static void ReadAsV7Kernel(Dialect codec, ReadOnlySpan<byte> payload)
    {
        codec.Read(payload, out ControlCommandResponse _);
        codec.Read(payload, out SwitchEptView _);
        codec.Read(payload, out ControlEptView _);
        codec.Read(payload, out DestroyEptView _);
        codec.Read(payload, out SetVeInfoPage _);
        codec.Read(payload, out SetPageSve _);
        codec.Read(payload, out ControlSpp _);
        codec.Read(payload, out QueryPhysical _);
        codec.Read(payload, out AllocGfn _);
        codec.Read(payload, out FreeGfn _);
        codec.Read(payload, out ChangeGfn _);
        if (codec.Read(payload, out SetPageWriteBitmap bitmaps) == CommandStatus.Ok)
        {
            for (var i = 0; i < bitmaps.Count; i++)
            {
                bitmaps.TryGetEntry(i, out _);
            }
        }
    }
}
