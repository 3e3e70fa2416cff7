namespace Kvmi.Protocol.Registers;

/// <summary>One MSR of a GET_REGISTERS reply.</summary>
/// <param name="Index">MSR number.</param>
/// <param name="Value">Its value.</param>
public readonly record struct MsrEntry(uint Index, ulong Value);
