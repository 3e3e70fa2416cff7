using System.Text;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Text;

namespace Kvmi.Policy.Engine.Scripting;

/// <summary>Resolves #load to .csx files inside the policy's folder, symbolic links followed before the check, and nothing else.</summary>
internal sealed class BoundedSourceResolver : SourceReferenceResolver
{
    private const int MaxFiles = 64;

    private readonly string _folder;
    private readonly Dictionary<string, string> _texts = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _refusals = new(StringComparer.Ordinal);

    public BoundedSourceResolver(string folder) => _folder = Path.GetFullPath(folder);

    /// <summary>The files that were loaded, with the text that was compiled.</summary>
    public IReadOnlyDictionary<string, string> Texts => _texts;

    /// <summary>Why a #load was refused, by what the directive says.</summary>
    public IReadOnlyDictionary<string, string> Refusals => _refusals;

    public override string? NormalizePath(string path, string? baseFilePath) => path;

    public override string? ResolveReference(string path, string? baseFilePath)
    {
        var full = Path.GetFullPath(path, baseFilePath is null ? _folder : Path.GetDirectoryName(Path.GetFullPath(baseFilePath))!);
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

    public override int GetHashCode() => StringComparer.Ordinal.GetHashCode(_folder);

    private string? Problem(string full)
    {
        if (!full.EndsWith(".csx", StringComparison.OrdinalIgnoreCase))
            return "only .csx files can be loaded";

        if (!IsInside(full, _folder))
            return $"it lies outside the policy's folder {_folder}";

        if (_texts.ContainsKey(full))
            return null;

        if (_texts.Count >= MaxFiles)
            return $"a script can load at most {MaxFiles} files";

        try
        {
            if (File.Exists(full) && new FileInfo(full).ResolveLinkTarget(returnFinalTarget: true) is { } target && !IsInside(target.FullName, _folder))
                return $"it is a link to {target.FullName}, outside the policy's folder {_folder}";
        }
        catch (IOException exception)
        {
            return exception.Message;
        }

        if (!ScriptSource.TryReadText(full, out var text, out var problem))
            return problem;

        _texts[full] = text;
        return null;
    }

    private static bool IsInside(string path, string folder) =>
        path.StartsWith(folder.EndsWith(Path.DirectorySeparatorChar) ? folder : folder + Path.DirectorySeparatorChar, StringComparison.Ordinal);
}
