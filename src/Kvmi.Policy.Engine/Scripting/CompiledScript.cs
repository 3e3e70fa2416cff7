using System.Security.Cryptography;
using Kvmi.Policy.Engine.Code;
using Kvmi.Policy.Engine.Findings;

namespace Kvmi.Policy.Engine.Scripting;

/// <summary>A compiled script, not loaded yet: bytes and what is known about them. Immutable, so it is cached and shared.</summary>
internal sealed record CompiledScript
{
    /// <summary>Path of the main file.</summary>
    public required string Path { get; init; }

    /// <summary>The assembly.</summary>
    public required byte[] Image { get; init; }

    /// <summary>Its portable PDB with the sources embedded.</summary>
    public required byte[] Symbols { get; init; }

    /// <summary>Name of the class that the script became.</summary>
    public required string TypeName { get; init; }

    /// <summary>Name of its static method that runs the top-level statements.</summary>
    public required string EntryPoint { get; init; }

    /// <summary>The methods that subscriptions may name.</summary>
    public required IReadOnlyList<HandlerMethod> Methods { get; init; }

    /// <summary>The compiler's warnings.</summary>
    public required IReadOnlyList<Finding> Warnings { get; init; }

    /// <summary>The #load files and the text that was compiled.</summary>
    public required IReadOnlyDictionary<string, string> LoadedTexts { get; init; }

    /// <summary>SHA-256 of the assembly, hexadecimal: the compiler makes the same bytes of the same texts.</summary>
    public string Digest => field ??= Convert.ToHexString(SHA256.HashData(Image));

    /// <summary>True when the #load files still have the text that was compiled, and may still be loaded.</summary>
    /// <param name="folder">Folder of the policy.</param>
    public bool IsCurrent(LoadFolder folder)
    {
        foreach (var (path, text) in LoadedTexts)
        {
            if (folder.Read(path, out var now) is not null || now != text)
                return false;
        }

        return true;
    }
}
