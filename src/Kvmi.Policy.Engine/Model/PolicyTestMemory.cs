namespace Kvmi.Policy.Engine.Model;

/// <summary>Bytes of guest memory for a test.</summary>
/// <param name="Gpa">Where they lie.</param>
/// <param name="Bytes">The bytes, from a file beside the policy or written as hexadecimal digits; at most 1 MiB.</param>
public sealed record PolicyTestMemory(ulong Gpa, byte[] Bytes);
