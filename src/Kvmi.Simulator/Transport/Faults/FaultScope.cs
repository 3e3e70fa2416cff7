namespace Kvmi.Simulator.Transport.Faults;

/// <summary>Which messages a fault looks at, and counts.</summary>
internal enum FaultScope
{
    /// <summary>Every message behind the handshake.</summary>
    Any,

    /// <summary>Events.</summary>
    Events,

    /// <summary>Replies to commands.</summary>
    Replies,

    /// <summary>PAUSE events.</summary>
    Pauses,

    /// <summary>The device manager's hello.</summary>
    Hello,
}
