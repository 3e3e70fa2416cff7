using Kvmi.Policy.Engine.Model;

namespace Kvmi.Policy.Engine.Containment.Worker;

/// <summary>Parameters of a policy on their way into a worker.</summary>
internal static class WorkerParameters
{
    public static void Write(BinaryWriter writer, PolicyParameter parameter)
    {
        writer.Write(parameter.Name);
        writer.Write((byte)parameter.Type);
        writer.Write(parameter.IsList);
        if (!parameter.IsList)
        {
            WriteValue(writer, parameter.Value);
            return;
        }

        var values = ((IEnumerable<object>)parameter.Value).ToList();
        writer.Write(values.Count);
        values.ForEach(value => WriteValue(writer, value));
    }

    public static PolicyParameter Read(BinaryReader reader)
    {
        var name = reader.ReadString();
        var type = (ParameterType)reader.ReadByte();
        var isList = reader.ReadBoolean();
        if (!isList)
        {
            return new(name, type, isList, ReadValue(reader), null, default);
        }

        var values = new List<object>();
        for (var left = reader.ReadInt32(); left > 0; left--)
        {
            values.Add(ReadValue(reader));
        }

        return new(name, type, isList, values, null, default);
    }

    private static void WriteValue(BinaryWriter writer, object value)
    {
        switch (value)
        {
            case bool flag:
                writer.Write((byte)1);
                writer.Write(flag);
                break;
            case long number:
                writer.Write((byte)2);
                writer.Write(number);
                break;
            case ulong number:
                writer.Write((byte)3);
                writer.Write(number);
                break;
            case string text:
                writer.Write((byte)4);
                writer.Write(text);
                break;
            case TimeSpan time:
                writer.Write((byte)5);
                writer.Write(time.Ticks);
                break;
            case ValueRange range:
                writer.Write((byte)6);
                writer.Write(range.First);
                writer.Write(range.Last);
                break;
            case PageHash hash:
                writer.Write((byte)7);
                writer.Write(hash.Part0);
                writer.Write(hash.Part1);
                writer.Write(hash.Part2);
                writer.Write(hash.Part3);
                break;
            default:
                throw new ArgumentException($"A parameter is a {value.GetType().Name}, which no worker knows.", nameof(value));
        }
    }

    private static object ReadValue(BinaryReader reader) => reader.ReadByte() switch
    {
        1 => reader.ReadBoolean(),
        2 => reader.ReadInt64(),
        3 => reader.ReadUInt64(),
        4 => reader.ReadString(),
        5 => TimeSpan.FromTicks(reader.ReadInt64()),
        6 => new ValueRange(reader.ReadUInt64(), reader.ReadUInt64()),
        7 => new PageHash(reader.ReadUInt64(), reader.ReadUInt64(), reader.ReadUInt64(), reader.ReadUInt64()),
        var other => throw new InvalidDataException($"Kind {other} of a parameter is not known."),
    };
}
