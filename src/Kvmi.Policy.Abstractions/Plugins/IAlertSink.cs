namespace Kvmi.Policy;

/// <summary>
/// A place for alerts that a plugin offers: a public class with a public constructor without parameters. The operator names it with
/// <c>run --sink plugin:ID/CLASS:TEXT</c>, which also says which lines it gets. All members are called by one thread that belongs to this sink
/// alone, never by one that a vCPU waits for; a bounded queue is in front of it. Since contract 1.1.
/// </summary>
/// <remarks>
/// A call that throws is tried again later: without end after what an outside receiver brings about (<see cref="IOException"/>, a socket's or HTTP
/// client's exception, <see cref="TimeoutException"/>, <see cref="UnauthorizedAccessException"/>), five times in a row after anything else. Then, and
/// when a call does not return in its time, the sink is cut off for the rest of the run.
/// </remarks>
public interface IAlertSink : IDisposable
{
    /// <summary>Called once, before the first line.</summary>
    /// <param name="settings">What the operator says.</param>
    void Open(AlertSinkSettings settings);

    /// <summary>Takes one line. When it returns, the line counts as delivered.</summary>
    /// <param name="line">The line; may be kept.</param>
    /// <param name="cancellation">Cancelled when the time of the delivery is over or the host ends: return soon, or be cut off.</param>
    void Write(AlertSinkLine line, CancellationToken cancellation);

    /// <summary>Called after the last line of each delivery: send what <see cref="Write"/> has collected. Does nothing unless implemented.</summary>
    /// <param name="cancellation">As for <see cref="Write"/>.</param>
    void Flush(CancellationToken cancellation)
    {
    }
}
