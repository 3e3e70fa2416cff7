using System.Collections.Concurrent;
using Kvmi.Policy.Engine.Output;
using Kvmi.Policy.Host.Sinks;

namespace Kvmi.Policy.Host.Tests.Sinks;

public sealed class SinkWorkerTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private readonly ConcurrentQueue<StatusOutput> _said = [];

    [Fact]
    public void A_receiver_that_stalls_costs_lines_beyond_the_queue_and_hears_where_the_gap_is()
    {
        using var sink = new FakeSink();
        using var worker = Worker(",queue=4", sink);
        worker.Offer(SinkLines.Alert("first"));
        sink.WaitUntilCalled(1);
        for (var i = 0; i < 10; i++)
        {
            worker.Offer(SinkLines.Alert($"{i}"));
        }

        Assert.Equal(6, worker.State.Lost);
        sink.Answer(null);
        Until(() => worker.State.Delivered >= 5);
        worker.Offer(SinkLines.Alert("after"));
        worker.BeginEnd();
        worker.WaitForEnd(Patience);
        Assert.Equal(["first", "0", "1", "2", "3", "lost 6", "after"], sink.Names);
        Assert.Equal((7L, 6L, 0L, 0L), (worker.State.Delivered, worker.State.Lost, worker.State.Waiting, worker.State.Failures));
    }

    [Fact]
    public void A_gap_at_the_end_is_told_too()
    {
        using var sink = new FakeSink();
        using var worker = Worker(",queue=1", sink);
        worker.Offer(SinkLines.Alert("first"));
        sink.WaitUntilCalled(1);
        worker.Offer(SinkLines.Alert("second"));
        worker.Offer(SinkLines.Alert("third"));
        sink.Answer(null);
        Until(() => sink.Names.Length == 3);
        Assert.Equal(["first", "second", "lost 1"], sink.Names);
    }

    [Fact]
    public void A_failure_is_said_once_and_its_end_once_and_nothing_is_lost_or_sent_twice()
    {
        using var sink = new FakeSink();
        using var worker = Worker("", sink);
        worker.Offer(SinkLines.Alert("a"));
        worker.Offer(SinkLines.Alert("b"));
        for (var i = 1; i <= 3; i++)
        {
            sink.WaitUntilCalled(i);
            sink.AnswerOnce(new IOException("No space left on device"));
        }

        sink.WaitUntilCalled(4);
        sink.Answer(null);
        Until(() => worker.State.Delivered == 2);
        Until(() => _said.Count == 2);
        Assert.Equal(["sink-failed", "sink-works"], _said.Select(line => line.Status));
        Assert.Contains("No space left on device; it is tried again", _said.First().Message, StringComparison.Ordinal);
        Assert.Equal(["a", "b"], sink.Names);
        Assert.Equal((0L, 3L, false), (worker.State.Lost, worker.State.Failures, worker.State.IsFailing));
    }

    [Fact]
    public void What_a_receiver_refuses_is_lost_and_the_next_lines_are_delivered()
    {
        using var sink = new FakeSink { Most = 1 };
        using var worker = Worker("", sink);
        worker.Offer(SinkLines.Alert("bad"));
        sink.WaitUntilCalled(1);
        sink.AnswerOnce(new SinkRefusedException("the receiver answered 400"));
        sink.WaitUntilCalled(2);
        sink.AnswerOnce(new SinkRefusedException("the receiver answered 400"));
        sink.Answer(null);
        worker.Offer(SinkLines.Alert("good"));
        Until(() => sink.Names.Contains("good"));

        // A line about lost lines that is refused is not told by another one.
        Assert.Equal(["good"], sink.Names);
        Assert.Equal(2, worker.State.Lost);
        Assert.Contains("answered 400; these lines are lost", _said.First().Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_end_gives_up_at_its_limit_and_counts_what_is_left()
    {
        using var sink = new FakeSink();
        using var worker = Worker("", sink);
        worker.Offer(SinkLines.Alert("a"));
        sink.WaitUntilCalled(1);
        worker.Offer(SinkLines.Alert("b"));
        worker.BeginEnd();
        worker.Offer(SinkLines.Alert("too late"));
        worker.WaitForEnd(TimeSpan.Zero);
        Assert.Equal((0L, 3L, 0L), (worker.State.Delivered, worker.State.Lost, worker.State.Waiting));
        Until(() => sink.WasCancelled);
    }

    [Fact]
    public void The_end_does_not_wait_for_a_long_pause_between_tries()
    {
        using var sink = new FakeSink();
        using var worker = Worker("", sink);
        worker.Offer(SinkLines.Alert("a"));
        sink.WaitUntilCalled(1);
        sink.AnswerOnce(new SinkBusyException("the receiver answered 503", TimeSpan.FromMinutes(4)));
        Until(() => worker.State.Failures == 1);
        sink.Answer(null);
        worker.BeginEnd();
        worker.WaitForEnd(Patience);
        Assert.Equal((1L, 0L), (worker.State.Delivered, worker.State.Lost));
    }

    [Fact]
    public void A_slow_sink_holds_no_other()
    {
        using var slow = new FakeSink();
        using var quick = new FakeSink();
        quick.Answer(null);
        using var first = Worker("", slow);
        using var second = Worker("", quick);
        for (var i = 0; i < 100; i++)
        {
            first.Offer(SinkLines.Alert($"{i}"));
            second.Offer(SinkLines.Alert($"{i}"));
        }

        Until(() => second.State.Delivered == 100);
        Assert.Equal(0, first.State.Delivered);
        slow.Answer(null);
        Until(() => first.State.Delivered == 100);
    }

    [Fact]
    public void Waits_grow_up_to_a_bound_differ_and_a_receiver_cannot_ask_for_ever()
    {
        var low = new Backoff(() => 0);
        var high = new Backoff(() => 0.999);
        for (var i = 0; i < 20; i++)
        {
            var middle = Math.Min(0.25 * Math.Pow(2, i), 30);
            Assert.Equal(middle * 0.5, low.Next().TotalSeconds, 3);
            Assert.Equal(middle * 1.499, high.Next().TotalSeconds, 3);
        }

        Assert.Equal(Backoff.LongestAsked, low.Next(TimeSpan.FromDays(10)));
        Assert.Equal(TimeSpan.FromSeconds(40), low.Next(TimeSpan.FromSeconds(40)));
        low.Reset();
        Assert.Equal(0.125, low.Next(TimeSpan.FromSeconds(-5)).TotalSeconds, 3);
    }

    private static void Until(Func<bool> condition) => Assert.True(SpinWait.SpinUntil(condition, Patience));

    private SinkWorker Worker(string options, FakeSink sink) => new("file:x", SinkSpec.Parse($"file,timeout=5m{options}:x"), sink, TimeProvider.System, () => 0, _said.Enqueue);

    /// <summary>A receiver that answers when the test says so.</summary>
    private sealed class FakeSink : IRecordSink
    {
        private readonly object _gate = new();
        private readonly Queue<Exception?> _answers = [];
        private readonly List<OutputRecord> _taken = [];
        private bool _always;
        private int _calls;

        public int Most { get; init; } = 64;

        public int MaxBatch => Most;

        public bool WasCancelled { get; private set; }

        public string[] Names
        {
            get
            {
                lock (_gate)
                {
                    return [.. _taken.Select(record => record is NoticeOutput notice ? notice.Name : $"lost {((StatusOutput)record).Fields[1].Value}")];
                }
            }
        }

        public void WaitUntilCalled(int times) => Until(() => Volatile.Read(ref _calls) >= times);

        /// <summary>From now on every call that has no answer of its own ends well.</summary>
        public void Answer(Exception? nothing)
        {
            Assert.Null(nothing);
            lock (_gate)
            {
                _always = true;
                Monitor.PulseAll(_gate);
            }
        }

        public void AnswerOnce(Exception failure)
        {
            lock (_gate)
            {
                _answers.Enqueue(failure);
                Monitor.PulseAll(_gate);
            }
        }

        public ValueTask DeliverAsync(SinkBatch batch, CancellationToken cancellation)
        {
            using var wake = cancellation.Register(() =>
            {
                lock (_gate)
                {
                    Monitor.PulseAll(_gate);
                }
            });
            lock (_gate)
            {
                Interlocked.Increment(ref _calls);
                Exception? answer;
                while (!_answers.TryDequeue(out answer) && !_always)
                {
                    if (cancellation.IsCancellationRequested)
                    {
                        WasCancelled = true;
                        cancellation.ThrowIfCancellationRequested();
                    }

                    Monitor.Wait(_gate);
                }

                if (answer is not null)
                {
                    throw answer;
                }

                _taken.AddRange(batch.Rest);
                batch.Delivered = batch.Records.Count;
                return ValueTask.CompletedTask;
            }
        }

        public void Dispose()
        {
        }
    }
}
