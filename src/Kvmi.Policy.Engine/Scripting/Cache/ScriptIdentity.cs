using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Security.Cryptography;
using Kvmi.Policy.Engine.Containment.AllowList;
using Kvmi.Protocol;

namespace Kvmi.Policy.Engine.Scripting.Cache;

/// <summary>What a compiled script depends on besides its own text, as short texts for cache keys. Reads files, and loads none of the compiler.</summary>
internal static class ScriptIdentity
{
    // Their code decides what comes out: the compiler, and what rewrites and checks its result.
    private static readonly string[] Tools = ["Microsoft.CodeAnalysis", "Microsoft.CodeAnalysis.CSharp", "Mono.Cecil", "Mono.Cecil.Rocks"];

    private static readonly Lazy<string?> Whole = new(Read);

    /// <summary>The contract that scripts are compiled against: enough within one process.</summary>
    public static string Contract { get; } =
        $"{typeof(PolicyBase).Assembly.ManifestModule.ModuleVersionId:N}{typeof(CommandKind).Assembly.ManifestModule.ModuleVersionId:N}";

    /// <summary>
    /// All of it: the contract; this engine, and so its compiler options and its metering; the compiler; the framework; the allow-list. Null when
    /// the compiler's files cannot be read: then nothing can be said about what it would make.
    /// </summary>
    public static string? Environment => Whole.Value;

    private static string? Read()
    {
        using var allowed = AllowedMembers.OpenDefault();
        var engine = typeof(ScriptIdentity).Assembly;
        var parts = new List<string>
        {
            Contract,
            engine.ManifestModule.ModuleVersionId.ToString("N"),
            typeof(object).Assembly.ManifestModule.ModuleVersionId.ToString("N"),
            Path.GetDirectoryName(typeof(object).Assembly.Location) ?? "",
            Convert.ToHexString(SHA256.HashData(allowed)),
        };
        foreach (var tool in Tools)
        {
            if (VersionOf(Path.Combine(Path.GetDirectoryName(engine.Location) ?? "", tool + ".dll")) is not { } version)
                return null;

            parts.Add(version);
        }

        return string.Join('\0', parts);
    }

    private static string? VersionOf(string path)
    {
        try
        {
            using var image = new PEReader(File.OpenRead(path));
            var metadata = image.GetMetadataReader();
            return metadata.GetGuid(metadata.GetModuleDefinition().Mvid).ToString("N");
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or BadImageFormatException or InvalidOperationException)
        {
            return null;
        }
    }
}
