namespace Kvmi.Protocol.Dialects.Capabilities;

/// <summary>How many payload bytes a message has. Min = Max: always the same.</summary>
/// <param name="Min">Without a list or data of variable length.</param>
/// <param name="Max">With as much of it as the dialect lets one message carry.</param>
/// <param name="Step">Bytes of one list entry, 1 for plain data; 0 when the length is fixed.</param>
public readonly record struct PayloadLength(int Min, int Max, int Step)
{
    /// <summary>True when every such message has the same length.</summary>
    public bool IsFixed => Step == 0;

    /// <summary>True when a message of this kind can have this many payload bytes.</summary>
    public bool Contains(int length) => length >= Min && length <= Max && (Step == 0 || (length - Min) % Step == 0);
}
