using Kvmi.Policy.Engine.Trust;

namespace Kvmi.Policy.Engine.Plugins;

/// <summary>What a plugin must satisfy before any of its code is loaded; its private dependencies too.</summary>
public sealed record PluginRules
{
    /// <summary>No rules: for tests and for callers that have checked the files themselves.</summary>
    public static PluginRules None { get; } = new();

    /// <summary>Who may be able to change the files; null: not checked.</summary>
    public FileOwnership? Ownership { get; init; }

    /// <summary>The only assemblies that may be loaded; null: all.</summary>
    public PluginDigestList? Allowed { get; init; }

    /// <summary>True: the code may use only what <c>allow-list.txt</c> and <c>plugin-allow-list.txt</c> name.</summary>
    public bool RestrictCode { get; init; }

    /// <summary>Why a file may not be opened; null when it may.</summary>
    internal PluginRefusal? CheckPlace(string path) => Ownership?.FindFlaw(path) is { } flaw
        ? new(Code.CodeFindings.PluginOwnership, $"it is not safe to load, because {flaw}",
            "let root or the user of this process own the plugin and its directories, and chmod go-w them; --trust-file-permissions skips this check")
        : null;

    /// <summary>Why these bytes may not be used; null when they may.</summary>
    internal PluginRefusal? CheckContent(string path, byte[] image) => Allowed?.FindFlaw(path, image) is { } flaw
        ? new(Code.CodeFindings.PluginNotListed, flaw, "if the file is meant to be loaded, add its line: sha256sum FILE")
        : null;

    /// <summary>Reads a file of a plugin by all rules about files, without mapping it. For loaders: what is checked is what must be loaded.</summary>
    /// <param name="path">Full path of the file.</param>
    /// <returns>Its bytes.</returns>
    /// <exception cref="PluginLoadException">A rule refuses it, or it cannot be read.</exception>
    public byte[] Read(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        return Read(path, out var refusal) ?? throw new PluginLoadException($"{path}: {refusal!.Reason}", refusal);
    }

    /// <summary>Reads a file by all rules about files.</summary>
    /// <returns>The bytes that were checked, or null with the reason.</returns>
    internal byte[]? Read(string path, out PluginRefusal? refusal)
    {
        refusal = CheckPlace(path);
        if (refusal is not null)
            return null;

        if (PluginFile.TryRead(path, out var problem) is not { } image)
        {
            refusal = new(Code.CodeFindings.PluginLoad, $"it cannot be read: {problem}", "copy all files of the plugin's build output");
            return null;
        }

        refusal = CheckContent(path, image);
        return refusal is null ? image : null;
    }
}
