namespace Kvmi.Policy.Host.Sinks;

/// <summary>The code of a sink has failed for good: nothing is given to it any more.</summary>
internal sealed class SinkGoneException(string message) : Exception(message);
