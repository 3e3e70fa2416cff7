using System.Globalization;
using Kvmi.Protocol.Dialects;

namespace Kvmi.Protocol.Captures;

/// <summary>Writes hex captures that <see cref="HexCapture"/> reads. Not safe for several threads at once; the caller flushes.</summary>
public sealed class HexCaptureWriter
{
    private readonly TextWriter _writer;

    /// <summary>Makes a writer.</summary>
    /// <param name="writer">Where the text goes; the caller closes it.</param>
    public HexCaptureWriter(TextWriter writer)
    {
        ArgumentNullException.ThrowIfNull(writer);
        _writer = writer;
    }

    /// <summary>Writes one message.</summary>
    /// <param name="direction">Who sent it.</param>
    /// <param name="time">When, from the start of the connection; null when not known.</param>
    /// <param name="note">Anything on one line; control characters become spaces.</param>
    /// <param name="message">The whole message, header included; empty stands for a close or silence.</param>
    /// <exception cref="ArgumentException">The message is longer than <see cref="HexCapture.MaxMessage"/>.</exception>
    public void Write(MessageDirection direction, TimeSpan? time, string note, ReadOnlySpan<byte> message)
    {
        ArgumentNullException.ThrowIfNull(note);
        if (message.Length > HexCapture.MaxMessage)
        {
            throw new ArgumentException($"A message has {HexCapture.MaxMessage} bytes at most, this one has {message.Length}.", nameof(message));
        }

        _writer.Write("# ");
        _writer.Write(direction == MessageDirection.ToolToKernel ? HexCapture.ToolToKernel : HexCapture.KernelToTool);
        if (time is { } moment)
        {
            _writer.Write(string.Create(CultureInfo.InvariantCulture, $" t={(decimal)moment.Ticks / TimeSpan.TicksPerMillisecond:0.00##}ms"));
        }

        if (note.Length > 0)
        {
            _writer.Write(' ');
            _writer.Write(HexCapture.Printable(note.AsSpan(0, Math.Min(note.Length, HexCapture.MaxNote))));
        }

        _writer.Write('\n');
        _writer.Write(Convert.ToHexStringLower(message));
        _writer.Write('\n');
    }

    /// <summary>Writes a close or silence.</summary>
    /// <param name="direction">Who closed, or was silent.</param>
    /// <param name="time">When, from the start of the connection; null when not known.</param>
    /// <param name="note">Which of the two it was.</param>
    public void WriteSilence(MessageDirection direction, TimeSpan? time, string note) => Write(direction, time, note, default);
}
