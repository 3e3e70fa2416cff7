using System.Net.Sockets;
using Kvmi.Session.Latency;

namespace Kvmi.Session.Tests.Latency;

public sealed class ReceiveSpinTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("kvmi").FullName;
    private readonly Socket _peer;
    private readonly Socket _socket;
    private readonly byte[] _buffer = new byte[64];
    private readonly StepClock _clock = new();

    public ReceiveSpinTests()
    {
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(Path.Combine(_folder, "s")));
        listener.Listen();
        _peer = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        _peer.Connect(listener.LocalEndPoint!);
        _socket = listener.Accept();
    }

    public void Dispose()
    {
        _socket.Dispose();
        _peer.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public void Low_takes_what_is_there_and_sees_the_end()
    {
        var spin = new ReceiveSpin(LatencyMode.Low, new SpinBudget(1), _clock);
        _peer.Send(new byte[] { 1, 2, 3 });
        Assert.Equal(3, spin.Receive(_socket.SafeHandle, _buffer));
        Assert.Equal(new byte[] { 1, 2, 3 }, _buffer[..3]);
        _peer.Shutdown(SocketShutdown.Both);
        Assert.Equal(0, spin.Receive(_socket.SafeHandle, _buffer));
    }

    [Fact]
    public void Low_gives_up_at_its_limit_and_gives_its_place_back()
    {
        var budget = new SpinBudget(1);
        var spin = new ReceiveSpin(LatencyMode.Low, budget, _clock);
        var start = _clock.Now;
        Assert.Equal(ReceiveSpin.Nothing, spin.Receive(_socket.SafeHandle, _buffer));
        var spent = _clock.GetElapsedTime(start, _clock.Now);
        Assert.InRange(spent, ReceiveSpin.LowLimit, ReceiveSpin.LowLimit + (3 * StepClock.Step));
        Assert.True(budget.TryEnter());
    }

    [Fact]
    public void A_clock_that_stands_still_ends_the_spin_too() =>
        Assert.Equal(
            ReceiveSpin.Nothing,
            new ReceiveSpin(LatencyMode.Low, new SpinBudget(1), new Support.StandingClock()).Receive(_socket.SafeHandle, _buffer));

    [Fact]
    public void Nobody_looks_when_the_budget_is_spent()
    {
        var spin = new ReceiveSpin(LatencyMode.Low, new SpinBudget(0), _clock);
        _peer.Send(new byte[] { 1 });
        Assert.Equal(ReceiveSpin.Nothing, spin.Receive(_socket.SafeHandle, _buffer));
        Assert.Equal(0, _clock.Readings);
    }

    [Fact]
    public void Balanced_looks_only_after_waits_that_were_short()
    {
        var spin = new ReceiveSpin(LatencyMode.Balanced, new SpinBudget(1), _clock);
        _peer.Send(new byte[] { 1 });
        for (var wait = 0; wait < 4; wait++)
        {
            Assert.Equal(ReceiveSpin.Nothing, spin.Receive(_socket.SafeHandle, _buffer));
            _clock.Pass(TimeSpan.FromMicroseconds(20));
            spin.Waited(hasData: true);
        }

        Assert.Equal(1, spin.Receive(_socket.SafeHandle, _buffer));

        // One spin in vain, and it has to be shown again that waits are short; a long one begins the count anew.
        Assert.Equal(ReceiveSpin.Nothing, spin.Receive(_socket.SafeHandle, _buffer));
        _peer.Send(new byte[] { 1 });
        for (var wait = 0; wait < 8; wait++)
        {
            Assert.Equal(ReceiveSpin.Nothing, spin.Receive(_socket.SafeHandle, _buffer));
            _clock.Pass(wait % 3 == 2 ? TimeSpan.FromMilliseconds(1) : TimeSpan.FromMicroseconds(20));
            spin.Waited(hasData: true);
        }

        Assert.Equal(ReceiveSpin.Nothing, spin.Receive(_socket.SafeHandle, _buffer));
    }

    [Fact]
    public void Who_was_taken_off_the_processor_sleeps_for_a_while()
    {
        var spin = new ReceiveSpin(LatencyMode.Low, new SpinBudget(1), _clock);
        _clock.JumpAtReading = 3;
        Assert.Equal(ReceiveSpin.Nothing, spin.Receive(_socket.SafeHandle, _buffer));
        var readings = _clock.Readings;
        Assert.Equal(3, readings);
        _peer.Send(new byte[] { 1 });
        var waits = 0;
        while (spin.Receive(_socket.SafeHandle, _buffer) == ReceiveSpin.Nothing)
        {
            spin.Waited(hasData: true);
            waits++;
            Assert.InRange(waits, 0, 1_000);
        }

        Assert.InRange(waits, 10, 1_000);
    }

    /// <summary>Every reading takes a moment, and one may come late.</summary>
    private sealed class StepClock : TimeProvider
    {
        public static readonly TimeSpan Step = TimeSpan.FromMicroseconds(1);

        public long Now { get; private set; } = 1;

        public int Readings { get; private set; }

        public int JumpAtReading { get; set; } = -1;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public void Pass(TimeSpan time) => Now += time.Ticks;

        public override long GetTimestamp()
        {
            Pass(++Readings == JumpAtReading ? TimeSpan.FromMilliseconds(3) : Step);
            return Now;
        }
    }
}
