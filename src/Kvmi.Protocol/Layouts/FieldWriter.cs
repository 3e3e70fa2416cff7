using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace Kvmi.Protocol.Layouts;

/// <summary>Turns named fields back into bytes by a layout: the inverse of <see cref="FieldReader"/>.</summary>
internal sealed class FieldWriter
{
    private readonly ArrayBufferWriter<byte> _output;
    private readonly IReadOnlyList<DecodedField> _fields;
    private readonly bool[] _used;
    private readonly int _origin;

    /// <param name="output">Where the bytes go.</param>
    /// <param name="fields">The fields to take from, each once.</param>
    /// <param name="origin">Bytes already in the output that do not count for the offsets of padding.</param>
    public FieldWriter(ArrayBufferWriter<byte> output, IReadOnlyList<DecodedField> fields, int origin)
    {
        _output = output;
        _fields = fields;
        _used = new bool[fields.Count];
        _origin = origin;
    }

    /// <summary>Writes the fields of a layout; stops at the first that the message does not have.</summary>
    /// <returns>False when it stopped: the message was cut there.</returns>
    public bool Write(FieldLayout[] layout)
    {
        foreach (var field in layout)
        {
            if (field.Kind == FieldKind.Padding)
            {
                WritePadding(field);
            }
            else if (Take(field.Name) is { } value)
            {
                WriteValue(field, value);
            }
            else if (field.Kind != FieldKind.Tail)
            {
                WriteRaw(FieldReader.Truncated);
                return false;
            }
        }

        return true;
    }

    /// <summary>Writes a field of raw bytes if the message has it.</summary>
    public void WriteRaw(string name)
    {
        if (Take(name) is { } value)
        {
            _output.Write(Bytes(name, value).Span);
        }
    }

    /// <summary>Value of a number that the message has; it stays to be written.</summary>
    public ulong? Peek(string name)
    {
        var index = Find(name);
        return index < 0 ? null : _fields[index].Value.Number;
    }

    /// <exception cref="ArgumentException">A field was not written.</exception>
    public void RequireAllUsed(string message)
    {
        var index = Array.IndexOf(_used, false);
        if (index >= 0)
        {
            throw new ArgumentException(
                $"{message}: the field {_fields[index].Name} has no place in its layout, stands twice, or a field in front of it is missing.");
        }
    }

    private int Find(string name)
    {
        for (var i = 0; i < _fields.Count; i++)
        {
            if (!_used[i] && _fields[i].Name == name)
            {
                return i;
            }
        }

        return -1;
    }

    private FieldValue? Take(string name)
    {
        var index = Find(name);
        if (index < 0)
        {
            return null;
        }

        _used[index] = true;
        return _fields[index].Value;
    }

    private void WritePadding(FieldLayout field)
    {
        var name = FieldReader.PaddingName(_output.WrittenCount - _origin);
        if (Take(name) is not { } value)
        {
            Reserve(field.Length).Clear();
            return;
        }

        var bytes = Bytes(name, value);
        if (bytes.Length > field.Length)
        {
            throw Misfit(name, $"{field.Length} bytes at most", value);
        }

        _output.Write(bytes.Span);
    }

    private void WriteValue(FieldLayout field, FieldValue value)
    {
        switch (field.Kind)
        {
            case FieldKind.U8:
                Reserve(1)[0] = (byte)Unsigned(field, value, byte.MaxValue);
                break;
            case FieldKind.U16:
                BinaryPrimitives.WriteUInt16LittleEndian(Reserve(2), (ushort)Unsigned(field, value, ushort.MaxValue));
                break;
            case FieldKind.U32:
                BinaryPrimitives.WriteUInt32LittleEndian(Reserve(4), (uint)Unsigned(field, value, uint.MaxValue));
                break;
            case FieldKind.U64:
                BinaryPrimitives.WriteUInt64LittleEndian(Reserve(8), Unsigned(field, value, ulong.MaxValue));
                break;
            case FieldKind.S32:
                BinaryPrimitives.WriteInt32LittleEndian(Reserve(4), (int)Signed(field, value, int.MinValue, int.MaxValue));
                break;
            case FieldKind.S64:
                BinaryPrimitives.WriteInt64LittleEndian(Reserve(8), Signed(field, value, long.MinValue, long.MaxValue));
                break;
            case FieldKind.Structure:
                WriteStructure(field.Name, field.Nested ?? [], value);
                break;
            case FieldKind.Entries:
                WriteEntries(field, value);
                break;
            case FieldKind.Tail:
                _output.Write(Bytes(field.Name, value).Span);
                break;
            default:
                WriteFixedBytes(field, value);
                break;
        }
    }

    private void WriteStructure(string name, FieldLayout[] layout, FieldValue value)
    {
        if (value.Kind != FieldValueKind.Structure)
        {
            throw Misfit(name, "named fields", value);
        }

        var nested = new FieldWriter(_output, value.Fields, _output.WrittenCount);
        if (!nested.Write(layout))
        {
            throw new ArgumentException($"The field {name} lacks a field of its own; a structure is written whole.");
        }

        nested.RequireAllUsed($"The field {name} cannot be written");
    }

    private void WriteEntries(FieldLayout field, FieldValue value)
    {
        if (value.Kind != FieldValueKind.List)
        {
            throw Misfit(field.Name, "a list", value);
        }

        foreach (var item in value.Items)
        {
            if (field.Nested is null)
            {
                BinaryPrimitives.WriteUInt32LittleEndian(Reserve(4), (uint)Unsigned(field, item, uint.MaxValue));
            }
            else
            {
                WriteStructure(field.Name, field.Nested, item);
            }
        }
    }

    private void WriteFixedBytes(FieldLayout field, FieldValue value)
    {
        var target = Reserve(field.Length);
        target.Clear();
        switch (value.Kind)
        {
            case FieldValueKind.Bytes when value.Data.Length == field.Length:
                value.Data.Span.CopyTo(target);
                break;
            case FieldValueKind.Text when field.Kind == FieldKind.Uuid && Guid.TryParseExact(value.Text, "D", out var uuid):
                uuid.TryWriteBytes(target, bigEndian: true, out _);
                break;
            case FieldValueKind.Text when field.Kind == FieldKind.Text && Encoding.UTF8.GetByteCount(value.Text) < field.Length:
                Encoding.UTF8.GetBytes(value.Text, target);
                break;
            default:
                throw Misfit(field.Name, $"{field.Length} bytes", value);
        }
    }

    private Span<byte> Reserve(int length)
    {
        var span = _output.GetSpan(length)[..length];
        _output.Advance(length);
        return span;
    }

    private static ulong Unsigned(FieldLayout field, FieldValue value, ulong max) =>
        value.Kind == FieldValueKind.Unsigned && value.Number <= max
            ? value.Number
            : throw Misfit(field.Name, $"a number from 0 to {max}", value);

    private static long Signed(FieldLayout field, FieldValue value, long min, long max) =>
        value.Kind == FieldValueKind.Signed && value.SignedNumber >= min && value.SignedNumber <= max
            ? value.SignedNumber
            : throw Misfit(field.Name, $"a signed number from {min} to {max}", value);

    private static ReadOnlyMemory<byte> Bytes(string name, FieldValue value) =>
        value.Kind == FieldValueKind.Bytes ? value.Data : throw Misfit(name, "bytes", value);

    private static ArgumentException Misfit(string name, string expected, FieldValue value) =>
        new($"The field {name} takes {expected}, not this {value.Kind} value.");
}
