using System.Text;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Text;

namespace Kvmi.Policy.Engine.Scripting;

/// <summary>Resolves #load to the files that <see cref="LoadFolder"/> lets through, at most 64 of them.</summary>
internal sealed class BoundedSourceResolver : SourceReferenceResolver
{
    private const int MaxFiles = 64;

    private readonly LoadFolder _folder;
    private readonly Dictionary<string, string> _texts = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _refusals = new(StringComparer.Ordinal);

    public BoundedSourceResolver(string folder) => _folder = new(folder);

    /// <summary>The files that were loaded, with the text that was compiled.</summary>
    public IReadOnlyDictionary<string, string> Texts => _texts;

    /// <summary>Why a #load was refused, by what the directive says.</summary>
    public IReadOnlyDictionary<string, string> Refusals => _refusals;

    public override string? NormalizePath(string path, string? baseFilePath) => path;

    public override string? ResolveReference(string path, string? baseFilePath)
    {
        var full = Path.GetFullPath(path, baseFilePath is null ? _folder.Path : Path.GetDirectoryName(Path.GetFullPath(baseFilePath))!);
        var problem = Problem(full);
        if (problem is null)
            return full;

        _refusals[path] = problem;
        return null;
    }

    public override Stream OpenRead(string resolvedPath) => new MemoryStream(Encoding.UTF8.GetBytes(_texts[resolvedPath]));

    // The encoding is what allows the text to be embedded in the PDB.
    public override SourceText ReadText(string resolvedPath) => SourceText.From(_texts[resolvedPath], Encoding.UTF8);

    public override bool Equals(object? other) => ReferenceEquals(this, other);

    public override int GetHashCode() => StringComparer.Ordinal.GetHashCode(_folder.Path);

    private string? Problem(string full)
    {
        if (_folder.FindFlaw(full) is { } flaw)
            return flaw;

        if (_texts.ContainsKey(full))
            return null;

        if (_texts.Count >= MaxFiles)
            return $"a script can load at most {MaxFiles} files";

        if (_folder.Read(full, out var text) is { } problem)
            return problem;

        _texts[full] = text;
        return null;
    }
}
