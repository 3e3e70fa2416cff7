using System.Buffers.Binary;
using System.Collections.Frozen;
using System.Globalization;
using System.Security.Cryptography;

namespace Kvmi.TestSupport;

/// <summary>The byte vectors of the rfc-v5 specification (section 11), with the machine state "A" built from its description.</summary>
internal static class RfcV5Vectors
{
    private static readonly byte[] StateRegs = [.. Enumerable.Range(1, 18).SelectMany(number => Enumerable.Repeat((byte)number, 8))];
    private static readonly byte[] StateSregs = BuildSregs();
    private static readonly byte[] StateMsrs = Words(
        0x10,
        0xFFFF_FE00_0000_3000,
        0xFFFF_FFFF_8180_1000,
        0xD01,
        0x0023_0010_0000_0000,
        0xFFFF_FFFF_8180_0010,
        0xFFFF_FFFF_8180_1100,
        0x0407_0506_0007_0106,
        0x7F12_3456_7000);

    /// <summary>General, special and model-specific registers of state A: 528 bytes.</summary>
    public static byte[] Block { get; } = [.. StateRegs, .. StateSregs, .. StateMsrs];

    public static FrozenDictionary<string, (string Direction, byte[] Bytes)> All { get; } = Load();

    public static byte[] Bytes(string name) => All[name].Bytes;

    private static FrozenDictionary<string, (string Direction, byte[] Bytes)> Load()
    {
        var vectors = new Dictionary<string, (string, byte[])>();
        foreach (var line in File.ReadLines(Path.Combine(AppContext.BaseDirectory, "Fixtures", "rfc-v5", "vectors.txt")))
        {
            if (line.StartsWith('#'))
            {
                continue;
            }

            var words = line.Split(' ', 5);
            var bytes = Expand(words[4]);
            var length = int.Parse(words[2], CultureInfo.InvariantCulture);
            if (bytes.Length != length || (words[3] != "-" && words[3] != Convert.ToHexStringLower(SHA256.HashData(bytes))))
            {
                throw new InvalidDataException($"Vector {words[0]} is not what the specification's length and digest say.");
            }

            vectors.Add(words[0], (words[1], bytes));
        }

        return vectors.ToFrozenDictionary();
    }

    private static byte[] Expand(string content)
    {
        var bytes = new List<byte>();
        while (content.Length > 0)
        {
            var end = content[0] == '{' ? content.IndexOf('}', StringComparison.Ordinal) + 1 : content.IndexOf('{', StringComparison.Ordinal);
            var part = end < 0 ? content : content[..end];
            content = content[part.Length..];
            bytes.AddRange(part[0] == '{' ? Named(part[1..^1].Split(' ')) : Convert.FromHexString(part));
        }

        return [.. bytes];
    }

    private static byte[] Named(string[] words) => words[0] switch
    {
        "regs" => StateRegs,
        "sregs" => StateSregs,
        "block" => Block,
        "zero" => new byte[int.Parse(words[1], CultureInfo.InvariantCulture)],
        "count" => [.. Enumerable.Range(0, int.Parse(words[1], CultureInfo.InvariantCulture)).Select(number => (byte)number)],
        _ => throw new InvalidDataException($"Unknown part {words[0]}."),
    };

    private static byte[] BuildSregs()
    {
        var bytes = new List<byte>();
        for (var i = 0; i < 8; i++)
        {
            var segment = new byte[24];
            BinaryPrimitives.WriteUInt64LittleEndian(segment, 0xFFFF_8000_0000_0000 + ((ulong)i * 0x10_0000));
            BinaryPrimitives.WriteUInt32LittleEndian(segment.AsSpan(8), 0xFFFF_0000 + (uint)i);
            BinaryPrimitives.WriteUInt16LittleEndian(segment.AsSpan(12), (ushort)(8 * (i + 1)));
            byte[] flags = [(byte)(i + 1), 1, (byte)(i % 4), i == 0 ? (byte)0 : (byte)1, 1, i == 0 ? (byte)1 : (byte)0, 1, (byte)(i % 2), i == 7 ? (byte)1 : (byte)0];
            flags.CopyTo(segment, 14);
            bytes.AddRange(segment);
        }

        bytes.AddRange(Words(0xFFFF_FE00_0000_1000, 0x7F, 0xFFFF_FE00_0000_0000, 0xFFF));
        bytes.AddRange(Words(0x8005_0033, 0x7FFF_DEAD_B000, 0x1AA_A000, 0x36_06F0, 0, 0xD01, 0xFEE0_0900, 0, 2, 0, 0));
        return [.. bytes];
    }

    private static byte[] Words(params ulong[] words)
    {
        var bytes = new byte[words.Length * 8];
        for (var i = 0; i < words.Length; i++)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(i * 8), words[i]);
        }

        return bytes;
    }
}
