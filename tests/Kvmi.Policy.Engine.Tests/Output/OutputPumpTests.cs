using Kvmi.Policy.Engine.Output;
using Microsoft.Extensions.Logging.Abstractions;

namespace Kvmi.Policy.Engine.Tests.Output;

public sealed class OutputPumpTests
{
    [Fact]
    public void A_full_ring_never_blocks_and_the_loss_is_counted_and_reported()
    {
        using var sink = new GatedSink();
        using var pump = new OutputPump(sink, TimeProvider.System, 16, NullLogger.Instance);
        Assert.True(pump.Write(Line("first")));
        sink.WaitUntilBlocked();
        var taken = Enumerable.Range(0, 100).Count(i => pump.Write(Line($"{i}")));

        Assert.Equal(100 - taken, pump.Lost);
        Assert.InRange(taken, 15, 16);
        sink.Open();
        pump.Flush();
        var lost = Assert.Single(sink.Lines, line => line.Status == "lost-output");
        Assert.Contains(new OutputField("lost", pump.Lost), lost.Fields);
        Assert.Equal(taken + 2, sink.Lines.Count);
    }

    [Fact]
    public async Task Lines_of_many_writers_arrive_once_and_each_writers_in_order()
    {
        using var sink = new GatedSink();
        sink.Open();
        using var pump = new OutputPump(sink, TimeProvider.System, 1 << 16, NullLogger.Instance);
        await Task.WhenAll(Enumerable.Range(0, 4).Select(writer => Task.Run(() =>
        {
            for (var i = 0; i < 5000; i++)
            {
                Assert.True(pump.Write(Line($"{writer}:{i}")));
            }
        })));
        pump.Flush();

        Assert.Equal(20_000, sink.Lines.Count);
        foreach (var group in sink.Lines.GroupBy(line => line.Message.Split(':')[0]))
        {
            Assert.Equal(Enumerable.Range(0, 5000), group.Select(line => int.Parse(line.Message.Split(':')[1])));
        }
    }

    [Fact]
    public void A_sink_that_throws_does_not_end_the_output()
    {
        using var sink = new GatedSink { ThrowOn = "bad" };
        sink.Open();
        using var pump = new OutputPump(sink, TimeProvider.System, 16, NullLogger.Instance);
        pump.Write(Line("bad"));
        pump.Write(Line("good"));
        pump.Flush();
        Assert.Equal("good", Assert.Single(sink.Lines).Message);
    }

    private static StatusOutput Line(string text) => new() { Time = default, Status = "test", Message = text };

    private sealed class GatedSink : IOutputSink, IDisposable
    {
        private readonly ManualResetEventSlim _open = new();
        private readonly ManualResetEventSlim _blocked = new();

        public List<StatusOutput> Lines { get; } = [];

        public string? ThrowOn { get; init; }

        public void Open() => _open.Set();

        public void WaitUntilBlocked() => Assert.True(_blocked.Wait(TimeSpan.FromSeconds(30)));

        public void Write(OutputRecord record)
        {
            _blocked.Set();
            _open.Wait();
            var line = (StatusOutput)record;
            if (line.Message == ThrowOn)
            {
                throw new IOException("disk full");
            }

            Lines.Add(line);
        }

        public void Dispose()
        {
            _open.Dispose();
            _blocked.Dispose();
        }
    }
}
