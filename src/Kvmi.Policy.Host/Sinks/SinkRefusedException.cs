namespace Kvmi.Policy.Host.Sinks;

/// <summary>A receiver does not want what it was sent, and would not the next time.</summary>
internal sealed class SinkRefusedException(string message) : Exception(message);
