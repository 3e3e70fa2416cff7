using System.Buffers;
using System.Security.Cryptography;

namespace Kvmi.Policy.Engine.Plugins;

/// <summary>
/// The assemblies that may be loaded as plugins or with them, by their SHA-256. The text is what <c>sha256sum</c> prints: 64 hexadecimal
/// digits, a blank, a blank or an asterisk, the file's name; empty lines and lines with # are skipped. The digest decides, the name is for
/// people. Immutable.
/// </summary>
public sealed class PluginDigestList
{
    private const int DigestLength = 64;
    private const int MaxLines = 10_000;
    private static readonly SearchValues<char> Digits = SearchValues.Create("0123456789abcdefABCDEF");
    private readonly string _source;
    private readonly Dictionary<string, string> _digests = new(StringComparer.Ordinal);

    private PluginDigestList(string source) => _source = source;

    /// <summary>Number of assemblies.</summary>
    public int Count => _digests.Count;

    /// <summary>Reads a list.</summary>
    /// <param name="source">Where it comes from, for messages.</param>
    /// <param name="text">The list.</param>
    /// <exception cref="FormatException">A line is none; the message names source and line.</exception>
    public static PluginDigestList Parse(string source, string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var list = new PluginDigestList(source);
        var number = 0;
        foreach (var raw in text.AsSpan().EnumerateLines())
        {
            if (++number > MaxLines)
                throw new FormatException($"{source}: the list has more than {MaxLines} lines.");

            if (raw.Trim().IsEmpty || raw[0] == '#')
                continue;

            if (raw.Length < DigestLength + 3 || !IsDigest(raw[..DigestLength]) || raw[DigestLength] != ' ' || raw[DigestLength + 1] is not (' ' or '*'))
            {
                throw new FormatException(
                    $"{source}:{number}: this is no line of sha256sum: 64 hexadecimal digits, two blanks, a file name. Make the list with: sha256sum plugins/*/*.dll");
            }

            list._digests[raw[..DigestLength].ToString().ToLowerInvariant()] = Path.GetFileName(raw[(DigestLength + 2)..].ToString());
        }

        return list;
    }

    /// <summary>True for 64 hexadecimal digits.</summary>
    internal static bool IsDigest(ReadOnlySpan<char> text) => text.Length == DigestLength && !text.ContainsAnyExcept(Digits);

    /// <summary>Why a file is not in the list; null when it is.</summary>
    internal string? FindFlaw(string path, byte[] image)
    {
        var found = Convert.ToHexStringLower(SHA256.HashData(image));
        if (_digests.ContainsKey(found))
            return null;

        var name = Path.GetFileName(path);
        var expected = string.Join(" or ", _digests.Where(entry => entry.Value == name).Select(entry => entry.Key).Order(StringComparer.Ordinal));
        return expected.Length == 0
            ? $"its SHA-256 {found} is not in {_source}"
            : $"{_source} has {name} with the SHA-256 {expected}, and the file has {found}";
    }
}
