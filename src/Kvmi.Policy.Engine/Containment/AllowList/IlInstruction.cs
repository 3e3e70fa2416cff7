namespace Kvmi.Policy.Engine.Containment.AllowList;

/// <summary>One instruction of a method body, as far as the allow-list looks at it.</summary>
/// <param name="Offset">Offset in the body.</param>
/// <param name="Code">The opcode, two-byte ones with 0xFE in the upper byte.</param>
/// <param name="Token">Metadata token of the operand; 0 when it has none.</param>
internal readonly record struct IlInstruction(int Offset, ushort Code, int Token);
