namespace Kvmi.Simulator.Transport;

/// <summary>
/// The way of a whole message from the kernel to the tool. A seam: what stands in it may damage, delay or split messages on
/// purpose. Called with one message at a time, never from two threads at once.
/// </summary>
internal interface IMessageWriter
{
    /// <summary>Sends one whole message.</summary>
    /// <returns>False when the connection is gone.</returns>
    bool Write(ReadOnlySpan<byte> message);
}
