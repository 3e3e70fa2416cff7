namespace Kvmi.Policy.Testing.Replay;

/// <summary>How far the reply that the policies give now equals the recorded one.</summary>
public enum ReplyMatch
{
    /// <summary>No reply was recorded.</summary>
    None,

    /// <summary>Another length.</summary>
    Different,

    /// <summary>The same length, but other bytes outside the answer itself: header, vCPU, event or padding.</summary>
    Length,

    /// <summary>The same length and layout; only the answer itself (action, value) differs.</summary>
    Layout,

    /// <summary>The same bytes.</summary>
    Bytes,
}
