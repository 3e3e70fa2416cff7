using Kvmi.Protocol.Captures;
using Kvmi.Protocol.Dialects;

namespace Kvmi.Protocol.Tests.Captures;

public sealed class HexCaptureTests
{
    [Fact]
    public void Reads_direction_time_note_and_bytes()
    {
        var entry = Assert.Single(Read("# tool->kernel t=301.62ms GET_VERSION please\n0200000001000000\n"));
        Assert.Equal(2, entry.Line);
        Assert.Equal(MessageDirection.ToolToKernel, entry.Direction);
        Assert.Equal(TimeSpan.FromMilliseconds(301.62), entry.Time);
        Assert.Equal("GET_VERSION please", entry.Note);
        Assert.Equal([2, 0, 0, 0, 1, 0, 0, 0], entry.Bytes!);
        Assert.Null(entry.Error);
    }

    [Theory]
    [InlineData("# kernel->tool t=1ms close\n\n")]
    [InlineData("# kernel->tool t=1ms close\n")]
    [InlineData("# kernel->tool t=1ms close\r\n\r\n")]
    public void Empty_hex_line_is_a_close_also_at_the_end(string text)
    {
        var entry = Assert.Single(Read(text));
        Assert.Null(entry.Bytes);
        Assert.Null(entry.Error);
        Assert.Equal("close", entry.Note);
    }

    [Fact]
    public void Free_comments_blank_lines_and_carriage_returns_do_not_matter()
    {
        var entry = Assert.Single(Read("# made by hand\r\n\r\n#kernel->tool\r\nABcd\r\n\r\n"));
        Assert.Equal([0xab, 0xcd], entry.Bytes!);
        Assert.Equal(MessageDirection.KernelToTool, entry.Direction);
        Assert.Null(entry.Time);
    }

    [Theory]
    [InlineData("# tool->kernel a\n123\n", 2, "whole number of bytes")]
    [InlineData("# tool->kernel a\n12 34\n", 2, "column 3")]
    [InlineData("# tool->kernel a\n12zz\n", 2, "column 3")]
    [InlineData("# tool->kernel a\n", 1, null)]
    [InlineData("1234\n", 1, "direction")]
    [InlineData("# nobody->tool a\n1234\n", 2, "direction")]
    [InlineData("# tool->kernelish a\n1234\n", 2, "direction")]
    [InlineData("# tool->kernel a\n# tool->kernel b\n12\n", 1, "no hex line")]
    public void Malformed_line_gives_one_error_and_the_rest_is_read(string bad, int line, string? reason)
    {
        var entries = Read(bad + "# kernel->tool t=2ms good\nff\n");
        var errors = entries.Where(entry => entry.Error is not null).ToArray();
        Assert.Equal([0xff], entries[^1].Bytes!);
        if (reason is null)
        {
            // The comment without its hex line is the error.
            Assert.Contains("line 1", Assert.Single(errors).Error!, StringComparison.Ordinal);
            return;
        }

        var error = Assert.Single(errors);
        Assert.Equal(line, error.Line);
        Assert.StartsWith($"line {line}: ", error.Error, StringComparison.Ordinal);
        Assert.Contains(reason, error.Error, StringComparison.Ordinal);
        Assert.Null(error.Bytes);
    }

    [Fact]
    public void Longest_message_is_read_and_a_longer_line_is_one_error()
    {
        var longest = new string('0', HexCapture.MaxMessage * 2);
        var entries = Read($"# tool->kernel a\n{longest}\n# tool->kernel b\n{longest}00\n# tool->kernel c\n01\n");
        Assert.Equal(HexCapture.MaxMessage, entries[0].Bytes!.Length);
        Assert.Contains("longer", entries[1].Error!, StringComparison.Ordinal);
        Assert.Equal([1], entries[2].Bytes!);
    }

    [Fact]
    public void Endless_line_keeps_a_bounded_part()
    {
        using var reader = new EndlessReader(50_000_000);
        var before = GC.GetAllocatedBytesForCurrentThread();
        var entry = Assert.Single(HexCapture.Read(reader));
        Assert.NotNull(entry.Error);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 5_000_000);
    }

    [Theory]
    [InlineData("t=xms")]
    [InlineData("t=")]
    [InlineData("t=1e400ms")]
    [InlineData("t=99999999999999999999999999999999999ms")]
    [InlineData("t=5")]
    public void Time_that_cannot_be_read_stays_in_the_note(string time)
    {
        var entry = Assert.Single(Read($"# tool->kernel {time} x\n00\n"));
        Assert.Null(entry.Time);
        Assert.Equal(time + " x", entry.Note);
    }

    [Fact]
    public void Control_characters_of_a_note_become_spaces() =>
        Assert.Equal("a [31mb", Assert.Single(Read("# tool->kernel a\u001b[31mb\n00\n")).Note);

    [Fact]
    public void Reading_is_one_entry_at_a_time()
    {
        using var reader = new StringReader("# tool->kernel a\n00\n# tool->kernel b\n01\n" + new string('x', 100_000));
        using var entries = HexCapture.Read(reader).GetEnumerator();
        Assert.True(entries.MoveNext());
        Assert.NotEqual("", reader.ReadToEnd());
    }

    [Theory]
    [MemberData(nameof(CaptureFiles.V7Theory), MemberType = typeof(CaptureFiles))]
    public void Writer_makes_what_the_reader_read(string file)
    {
        var text = new StringWriter();
        var writer = new HexCaptureWriter(text);
        var entries = CaptureFiles.Read(file);
        foreach (var entry in entries)
        {
            writer.Write(entry.Direction, entry.Time, entry.Note, entry.Bytes);
        }

        Assert.Equal(Shape(entries), Shape(Read(text.ToString())));
        var original = File.ReadAllText(CaptureFiles.PathOf(file));
        Assert.Equal(original.Trim(), text.ToString().Trim());
    }

    [Fact]
    public void Writer_keeps_a_note_on_its_line_and_refuses_what_is_no_message()
    {
        var text = new StringWriter();
        var writer = new HexCaptureWriter(text);
        writer.Write(MessageDirection.KernelToTool, null, "two\nlines", [1]);
        writer.WriteSilence(MessageDirection.KernelToTool, TimeSpan.FromMilliseconds(5), "closed");
        Assert.Equal("# kernel->tool two lines\n01\n# kernel->tool t=5.00ms closed\n\n", text.ToString());
        Assert.Throws<ArgumentException>(() => writer.Write(MessageDirection.KernelToTool, null, "", new byte[HexCapture.MaxMessage + 1]));
    }

    private static HexCaptureEntry[] Read(string text)
    {
        using var reader = new StringReader(text);
        return [.. HexCapture.Read(reader)];
    }

    private static string[] Shape(IEnumerable<HexCaptureEntry> entries) =>
        [.. entries.Select(entry => $"{entry.Direction} {entry.Time} {entry.Note} {(entry.Bytes is null ? "-" : Convert.ToHexString(entry.Bytes))} {entry.Error}")];

    private sealed class EndlessReader : TextReader
    {
        private readonly int _length;
        private int _position;

        public EndlessReader(int length) => _length = length;

        public override int Read(char[] buffer, int index, int count)
        {
            const string Start = "# tool->kernel\n";
            var part = Math.Min(count, _length - _position);
            buffer.AsSpan(index, part).Fill('0');
            if (_position == 0)
            {
                Start.CopyTo(buffer.AsSpan(index));
            }

            _position += part;
            return part;
        }
    }
}
