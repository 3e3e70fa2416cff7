namespace Kvmi.Policy.Engine.Faults;

/// <summary>Thrown in a handler's place by fault injection.</summary>
internal sealed class InjectedFaultException(string message) : Exception(message);
