namespace Kvmi.Fuzz;

/// <summary>The end of a run: a decoder misbehaved.</summary>
internal sealed class FuzzFindingException(long number, ulong seed, string seedMessage, byte[] message, string what, Exception? cause)
    : Exception(
        $"{what}\n  message {number} of seed {seed}, mutated from {seedMessage}, {message.Length} bytes:\n  {Convert.ToHexStringLower(message)}\n"
        + "  again: " + FuzzOptions.Again(seed, number),
        cause)
{
    /// <summary>The offending bytes.</summary>
    public byte[] Bytes { get; } = message;
}
