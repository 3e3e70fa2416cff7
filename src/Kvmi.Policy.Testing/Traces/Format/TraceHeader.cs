using System.Buffers.Binary;

namespace Kvmi.Policy.Testing.Traces.Format;

/// <summary>The first bytes of a trace.</summary>
/// <param name="Start">Wall-clock time at which the trace's clock was 0.</param>
internal readonly record struct TraceHeader(DateTimeOffset Start)
{
    private const int Checked = TraceFormat.HeaderLength - 4;
    private const long NanosecondsPerTick = 100;

    public byte[] Write()
    {
        var bytes = new byte[TraceFormat.HeaderLength];
        TraceFormat.Magic.CopyTo(bytes);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(8), TraceFormat.HeaderLength);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(16), (Start - DateTimeOffset.UnixEpoch).Ticks * NanosecondsPerTick);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(Checked), TraceFormat.Checksum(bytes.AsSpan(0, Checked)));
        return bytes;
    }

    /// <exception cref="TraceException">The bytes are no header of this version.</exception>
    public static TraceHeader Read(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < 8 || !bytes[..7].SequenceEqual(TraceFormat.Magic[..7]))
        {
            throw new TraceException("this is no trace: it does not begin with KVMITRC. Traces are made by run --record; hex captures end in .hex.");
        }

        if (bytes[7] != TraceFormat.Magic[7])
        {
            throw new TraceException($"version {bytes[7]} of the trace format; this program reads version {TraceFormat.Magic[7]}. Use the version that recorded it, or a later one.");
        }

        if (bytes.Length < TraceFormat.HeaderLength)
        {
            throw new TraceException($"the file ends inside its header, after {bytes.Length} of {TraceFormat.HeaderLength} bytes: nothing was recorded.");
        }

        if (BinaryPrimitives.ReadUInt32LittleEndian(bytes[Checked..]) != TraceFormat.Checksum(bytes[..Checked]))
        {
            throw new TraceException("the checksum of the header is wrong: the file is damaged. Take another copy.");
        }

        var ticks = BinaryPrimitives.ReadInt64LittleEndian(bytes[16..]) / NanosecondsPerTick;
        return new TraceHeader(DateTimeOffset.UnixEpoch.AddTicks(ticks));
    }
}
