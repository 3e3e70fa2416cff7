namespace Kvmi.Session.Transport;

/// <summary>Result of one receive.</summary>
internal enum ReceiveStatus
{
    /// <summary>At least one byte came.</summary>
    Data,

    /// <summary>Nothing came for one tick.</summary>
    Tick,

    /// <summary>The peer closed its end.</summary>
    Closed,

    /// <summary>The connection broke.</summary>
    Failed,
}
