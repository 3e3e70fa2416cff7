using System.Security.Cryptography;
using System.Text;
using Kvmi.Policy.Engine.Code;
using Kvmi.Policy.Engine.Findings;

namespace Kvmi.Policy.Engine.Scripting.Cache;

/// <summary>
/// A compiled script as bytes: a mark, a keyed hash (HMAC-SHA-256) over the name of the file and all that follows, then the fields. Nothing behind
/// the hash is read before it was found right.
/// </summary>
internal static class CachedScriptFormat
{
    /// <summary>Version of the format; part of every name, so that versions never meet.</summary>
    public const int Version = 1;

    private const int HeaderLength = 4 + HMACSHA256.HashSizeInBytes;

    private static ReadOnlySpan<byte> Mark => "KPCS"u8;

    /// <summary>Writes a script.</summary>
    /// <param name="script">The script.</param>
    /// <param name="name">Name of its file: bytes under another name are not accepted.</param>
    /// <param name="secret">Key of the hash.</param>
    public static byte[] Write(CompiledScript script, string name, byte[] secret)
    {
        using var stream = new MemoryStream();
        stream.Write(new byte[HeaderLength]);
        using (var writer = new BinaryWriter(stream, Encoding.UTF8, leaveOpen: true))
        {
            writer.Write(script.Path);
            writer.Write(script.TypeName);
            writer.Write(script.EntryPoint);
            Write(writer, script.Image);
            Write(writer, script.Symbols);
            Write(writer, script.Methods, method =>
            {
                writer.Write(method.Name);
                writer.Write(method.ReturnType);
                Write(writer, method.ParameterTypes, writer.Write);
                writer.Write(method.IsGeneric);
                Write(writer, method.Location);
            });
            Write(writer, script.Warnings, warning =>
            {
                Write(writer, warning.Location);
                writer.Write(warning.Code);
                writer.Write(warning.Message);
                writer.Write(warning.Hint is not null);
                writer.Write(warning.Hint ?? "");
            });
            Write(writer, [.. script.LoadedTexts], loaded =>
            {
                writer.Write(loaded.Key);
                writer.Write(loaded.Value);
            });
        }

        var bytes = stream.ToArray();
        Mark.CopyTo(bytes);
        HashOf(bytes, name, secret).CopyTo(bytes.AsSpan(Mark.Length));
        return bytes;
    }

    /// <summary>Reads a script.</summary>
    /// <param name="bytes">The file.</param>
    /// <param name="name">Its name.</param>
    /// <param name="secret">Key of the hash.</param>
    /// <param name="problem">What is wrong, when the result is null.</param>
    /// <returns>The script; null when the bytes are not what was written under this name with this key.</returns>
    public static CompiledScript? Read(byte[] bytes, string name, byte[] secret, out string problem)
    {
        problem = "";
        if (bytes.Length < HeaderLength || !bytes.AsSpan().StartsWith(Mark))
        {
            problem = "it does not begin as a compiled script";
            return null;
        }

        if (!CryptographicOperations.FixedTimeEquals(HashOf(bytes, name, secret), bytes.AsSpan(Mark.Length, HMACSHA256.HashSizeInBytes)))
        {
            problem = "its hash is wrong: it is cut short, damaged, or was not written here";
            return null;
        }

        try
        {
            using var reader = new BinaryReader(new MemoryStream(bytes, HeaderLength, bytes.Length - HeaderLength, writable: false), Encoding.UTF8);
            return Read(reader);
        }
        catch (Exception exception) when (exception is EndOfStreamException or InvalidDataException or FormatException or ArgumentException)
        {
            problem = $"its fields make no sense: {exception.Message}";
            return null;
        }
    }

    private static CompiledScript Read(BinaryReader reader) => new()
    {
        Path = reader.ReadString(),
        TypeName = reader.ReadString(),
        EntryPoint = reader.ReadString(),
        Image = ReadBytes(reader),
        Symbols = ReadBytes(reader),
        Methods = ReadList(reader, () => new HandlerMethod(
            reader.ReadString(), reader.ReadString(), ReadList(reader, reader.ReadString), reader.ReadBoolean(), ReadLocation(reader))),
        Warnings = ReadList(reader, () => ReadWarning(reader)),
        LoadedTexts = ReadList(reader, () => KeyValuePair.Create(reader.ReadString(), reader.ReadString())).ToDictionary(StringComparer.Ordinal),
    };

    private static Finding ReadWarning(BinaryReader reader)
    {
        var (location, code, message) = (ReadLocation(reader), reader.ReadString(), reader.ReadString());
        var hasHint = reader.ReadBoolean();
        var hint = reader.ReadString();
        return new(location, FindingSeverity.Warning, code, message, hasHint ? hint : null);
    }

    private static void Write(BinaryWriter writer, SourceLocation location)
    {
        writer.Write(location.File);
        writer.Write(location.Line);
        writer.Write(location.Column);
    }

    private static SourceLocation ReadLocation(BinaryReader reader) => new(reader.ReadString(), reader.ReadInt32(), reader.ReadInt32());

    private static void Write(BinaryWriter writer, byte[] bytes)
    {
        writer.Write(bytes.Length);
        writer.Write(bytes);
    }

    private static byte[] ReadBytes(BinaryReader reader)
    {
        var length = ReadCount(reader);
        var bytes = reader.ReadBytes(length);
        return bytes.Length == length ? bytes : throw new EndOfStreamException();
    }

    private static void Write<T>(BinaryWriter writer, IReadOnlyList<T> list, Action<T> write)
    {
        writer.Write(list.Count);
        foreach (var item in list)
            write(item);
    }

    private static List<T> ReadList<T>(BinaryReader reader, Func<T> read)
    {
        var list = new List<T>();
        for (var left = ReadCount(reader); left > 0; left--)
            list.Add(read());

        return list;
    }

    // Everything takes a byte at least, so no count is larger than what is left.
    private static int ReadCount(BinaryReader reader)
    {
        var count = reader.ReadInt32();
        var left = reader.BaseStream.Length - reader.BaseStream.Position;
        return count >= 0 && count <= left ? count : throw new InvalidDataException($"{count} items cannot be in {left} bytes");
    }

    private static byte[] HashOf(byte[] bytes, string name, byte[] secret)
    {
        using var hash = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, secret);
        hash.AppendData(Encoding.ASCII.GetBytes(name));
        hash.AppendData(bytes, HeaderLength, bytes.Length - HeaderLength);
        return hash.GetHashAndReset();
    }
}
