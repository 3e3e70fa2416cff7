namespace Kvmi.Fuzz;

/// <summary>The end of a run: a decoder misbehaved.</summary>
internal sealed class FuzzFindingException(long number, ulong seed, string seedMessage, byte[] message, string what, Exception? cause, string subject = FuzzOptions.MessagesWord)
    : Exception(
        $"{what}\n  {subject}: number {number} of seed {seed}, mutated from {seedMessage}, {message.Length} bytes:\n  {Convert.ToHexStringLower(message)}\n"
        + "  again: " + FuzzOptions.Again(seed, number, subject),
        cause)
{
    /// <summary>The offending bytes.</summary>
    public byte[] Bytes { get; } = message;
}
