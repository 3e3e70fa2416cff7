namespace Kvmi.Policy.Engine.Scripting;

/// <summary>The folder of a policy, which bounds #load: .csx files inside it, symbolic links followed before the check, and nothing else. Immutable.</summary>
internal sealed class LoadFolder(string folder)
{
    /// <summary>Full path.</summary>
    public string Path { get; } = System.IO.Path.GetFullPath(folder);

    /// <summary>Why a file cannot be loaded by its path alone; null when it may be looked at.</summary>
    /// <param name="full">Full path of the file.</param>
    public string? FindFlaw(string full)
    {
        if (!full.EndsWith(".csx", StringComparison.OrdinalIgnoreCase))
            return "only .csx files can be loaded";

        return IsInside(full) ? null : $"it lies outside the policy's folder {Path}";
    }

    /// <summary>Reads a file.</summary>
    /// <param name="full">Full path of the file.</param>
    /// <param name="text">Its text.</param>
    /// <returns>Why it is refused; null when <paramref name="text"/> is there.</returns>
    public string? Read(string full, out string text)
    {
        text = "";
        if (FindFlaw(full) is { } flaw)
            return flaw;

        try
        {
            if (File.Exists(full) && new FileInfo(full).ResolveLinkTarget(returnFinalTarget: true) is { } target && !IsInside(target.FullName))
                return $"it is a link to {target.FullName}, outside the policy's folder {Path}";
        }
        catch (IOException exception)
        {
            return exception.Message;
        }

        return ScriptSource.TryReadText(full, out text, out var problem) ? null : problem;
    }

    private bool IsInside(string path) =>
        path.StartsWith(Path.EndsWith(System.IO.Path.DirectorySeparatorChar) ? Path : Path + System.IO.Path.DirectorySeparatorChar, StringComparison.Ordinal);
}
