using FsCheck;
using FsCheck.Fluent;
using Kvmi.Policy.Engine.Containment.Worker.Hosting;
using Kvmi.Policy.Engine.Containment.Worker.Lane;
using Kvmi.Policy.Engine.Output;

namespace Kvmi.Policy.Engine.Tests.Containment;

public sealed class LaneReaderTests
{
    [Fact]
    public void No_bytes_are_more_than_a_broken_message() =>
        Check.One(
            Config.QuickThrowOnFailure.WithMaxTest(500),
            Prop.ForAll(Noise().ToArbitrary(), Gen.Choose(0, 255).ToArbitrary(), (noise, start) => ReadAnything(noise, (byte)start)));

    [Fact]
    public void A_report_that_was_cut_or_bent_is_refused_or_a_report() =>
        Check.One(
            Config.QuickThrowOnFailure.WithMaxTest(300),
            Prop.ForAll(Noise().ToArbitrary(), Gen.Choose(0, 1000).ToArbitrary(), ReadBentReport));

    private static Gen<byte[]> Noise() => Gen.Choose(0, 255).Select(number => (byte)number).ArrayOf();

    private static void ReadAnything(byte[] message, byte start)
    {
        var reader = new LaneReader(message);
        reader.U8();
        switch (start % 4)
        {
            case 0:
                Assert.True(reader.Text(64).Length <= 64);
                break;
            case 1:
                Assert.True(reader.Bytes(100).Length <= 100);
                break;
            case 2:
                Assert.True(reader.Fields().Length <= LaneReader.MaxFields);
                break;
            default:
                reader.U16();
                reader.U32();
                reader.U64();
                break;
        }

        _ = WorkerReport.Read(message);
        Assert.True(!reader.IsBroken || !reader.IsWhole);
    }

    private static void ReadBentReport(byte[] noise, int at)
    {
        Span<byte> message = new byte[LaneMemory.Capacity];
        var writer = new LaneWriter(message);
        new WorkerReport(["a step: refused"], [(0, "KP0506", "no class", "write one")]).Write(ref writer);
        message = message[..writer.Length];
        for (var i = 0; i < noise.Length; i++)
        {
            message[(int)(((uint)at + (uint)(i * 7)) % (uint)message.Length)] ^= noise[i];
        }

        _ = WorkerReport.Read(message);
        Assert.Null(WorkerReport.Read(message[..^1]));
    }

    [Fact]
    public void A_length_beyond_the_message_or_the_limit_reads_as_nothing()
    {
        foreach (var length in new uint[] { 5, 100, int.MaxValue, uint.MaxValue })
        {
            var message = new byte[8];
            BitConverter.TryWriteBytes(message, length);
            var reader = new LaneReader(message);
            Assert.Equal(0, reader.Bytes(int.MaxValue).Length);
            Assert.True(reader.IsBroken);
            Assert.Equal(0UL, reader.U64());
        }
    }

    [Fact]
    public void Fields_of_every_kind_come_back_as_they_were()
    {
        OutputField[] fields =
        [
            new("none", null), new("flag", true), new("number", -5L), new("address", ulong.MaxValue), new("share", 0.25),
            new("bytes", new byte[] { 1, 2 }), new("text", "ü\u001b"),
        ];
        var buffer = new byte[1000];
        var writer = new LaneWriter(buffer);
        writer.U8((byte)fields.Length);
        foreach (ref readonly var field in fields.AsSpan())
        {
            writer.Field(in field);
        }

        var reader = new LaneReader(buffer.AsSpan(0, writer.Length));
        var back = reader.Fields();
        Assert.True(reader.IsWhole);
        Assert.Equal(fields.Select(field => field.Name), back.Select(field => field.Name));
        Assert.Equal(fields.Select(field => field.Value), back.Select(field => field.Value));
    }
}
