namespace Kvmi.Session.Latency;

/// <summary>
/// How a VM's owner thread waits for bytes. A thread that sleeps costs nothing and is woken late; one that looks again and again is there at
/// once and keeps a processor busy meanwhile. In every mode it sleeps in the end: no wait spins for longer than its bound.
/// </summary>
public enum LatencyMode
{
    /// <summary>It sleeps at once and never spins.</summary>
    Idle,

    /// <summary>It spins for up to 30 µs, and only while the bytes of this VM come that soon: what waits seldom, or for long, sleeps at once.</summary>
    Balanced,

    /// <summary>It spins for up to 200 µs at every wait.</summary>
    Low,
}
