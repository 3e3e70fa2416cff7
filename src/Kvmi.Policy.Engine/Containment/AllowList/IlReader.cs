using System.Reflection.Emit;
using System.Reflection.Metadata;

namespace Kvmi.Policy.Engine.Containment.AllowList;

/// <summary>Cuts a method body into instructions (ECMA-335 III.1.2). The bytes may be anything: damage is reported, never read past.</summary>
internal ref struct IlReader
{
    private static readonly OperandType?[] OneByte = new OperandType?[256];
    private static readonly OperandType?[] TwoByte = new OperandType?[256];

    private BlobReader _body;

    static IlReader()
    {
        foreach (var field in typeof(OpCodes).GetFields())
        {
            if (field.GetValue(null) is not OpCode code || code.OpCodeType == OpCodeType.Nternal)
                continue;

            (code.Size == 1 ? OneByte : TwoByte)[code.Value & 0xFF] = code.OperandType;
        }
    }

    public IlReader(BlobReader body) => _body = body;

    /// <summary>Reads the next instruction.</summary>
    /// <returns>False at the end of the body.</returns>
    /// <exception cref="BadImageFormatException">The body is cut short or holds what is no instruction.</exception>
    public bool TryRead(out IlInstruction instruction)
    {
        instruction = default;
        if (_body.RemainingBytes == 0)
            return false;

        var offset = _body.Offset;
        ushort code = _body.ReadByte();
        var operand = OneByte[code];
        if (code == 0xFE)
        {
            var second = _body.ReadByte();
            code = (ushort)(0xFE00 | second);
            operand = TwoByte[second];
        }

        var token = 0;
        switch (operand)
        {
            case OperandType.InlineNone:
                break;
            case OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar:
                _body.ReadByte();
                break;
            case OperandType.InlineVar:
                _body.ReadUInt16();
                break;
            case OperandType.InlineI8 or OperandType.InlineR:
                _body.ReadUInt64();
                break;
            case OperandType.InlineField or OperandType.InlineMethod or OperandType.InlineTok or OperandType.InlineType or OperandType.InlineSig:
                token = _body.ReadInt32();
                break;
            case OperandType.InlineSwitch:
                var count = _body.ReadUInt32();
                if (count > _body.RemainingBytes / 4)
                    throw new BadImageFormatException("a switch is longer than its method");

                _body.Offset += (int)count * 4;
                break;
            case OperandType.InlineBrTarget or OperandType.InlineI or OperandType.InlineString or OperandType.ShortInlineR:
                _body.ReadInt32();
                break;
            default:
                throw new BadImageFormatException($"0x{code:X2} is no instruction");
        }

        instruction = new(offset, code, token);
        return true;
    }
}
