using Kvmi.Policy.Host.Output;

namespace Kvmi.Policy.Host.Tests.Output;

public sealed class ResultWriterTests
{
    [Fact]
    public void A_reader_that_went_away_silences_the_writer_and_is_told_once()
    {
        var told = 0;
        var stream = new BrokenStream();
        var writer = new ResultWriter(stream, new TextLineRenderer(), TimeProvider.System, _ => told++);
        writer.Write(SampleRecords.All[0]);
        writer.Write(SampleRecords.All[1]);
        Assert.Equal(1, told);
        Assert.Equal(1, stream.Writes);
    }

    private sealed class BrokenStream : MemoryStream
    {
        public int Writes { get; private set; }

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            Writes++;
            throw new IOException("Broken pipe", StandardOutput.BrokenPipe);
        }
    }
}
