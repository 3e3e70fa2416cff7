namespace Kvmi.Policy.Engine.Output;

/// <summary>One field of an alert or record.</summary>
/// <param name="Name">Name as the policy wrote it, first letter in lower case.</param>
/// <param name="Value">null, bool, long, ulong, double, string, byte[] or a value whose text counts; nothing of a policy's own
/// types.</param>
public readonly record struct OutputField(string Name, object? Value);
