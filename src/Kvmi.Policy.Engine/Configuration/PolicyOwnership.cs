using Kvmi.Policy.Engine.Code;
using Kvmi.Policy.Engine.Findings;
using Kvmi.Policy.Engine.Trust;

namespace Kvmi.Policy.Engine.Configuration;

/// <summary>
/// Who can change policies can change guests. Files that others can change are a warning; an error where root runs the host, because then a
/// local user would decide with root's power. It is no error for everybody: in a working copy of one's own, groups that share it are usual.
/// </summary>
internal static class PolicyOwnership
{
    private const int MaxScripts = 1000;

    /// <summary>Looks at every policy file and at the scripts beside and below it, which it may load.</summary>
    /// <param name="files">The policy files.</param>
    /// <param name="sites">Site files, which say where alerts are written: they are looked at alone.</param>
    /// <param name="source">Where files come from.</param>
    /// <param name="ownership">Who may own them.</param>
    /// <param name="findings">Where findings go.</param>
    public static void Check(IReadOnlyList<string> files, IReadOnlyList<string> sites, IPolicyFileSource source, FileOwnership ownership, List<Finding> findings)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var site in sites)
        {
            Check(site, "what this site file says", seen, ownership, findings);
        }

        foreach (var file in files)
        {
            foreach (var path in Scripts(Path.GetDirectoryName(Path.GetFullPath(file))!, source).Prepend(file))
            {
                Check(path, "what this policy does", seen, ownership, findings);
            }
        }
    }

    private static void Check(string path, string what, HashSet<string> seen, FileOwnership ownership, List<Finding> findings)
    {
        // One open directory above many files is told once.
        if (ownership.FindFlaw(path) is { } flaw && seen.Add(flaw))
        {
            findings.Add(new Finding(
                new SourceLocation(path),
                ownership.IsRoot ? FindingSeverity.Error : FindingSeverity.Warning,
                CodeFindings.PolicyOwnership,
                $"Others can decide {what}: {flaw}.",
                "let root or the user of this process own the files and their directories, and chmod go-w them; --trust-file-permissions skips this check"));
        }
    }

    private static List<string> Scripts(string folder, IPolicyFileSource source)
    {
        var scripts = new List<string>();
        var open = new Queue<string>([folder]);
        for (var count = 0; count < MaxScripts && open.TryDequeue(out var next); count++)
        {
            try
            {
                scripts.AddRange(source.Files(next).Where(path => path.EndsWith(".csx", StringComparison.Ordinal)));
                foreach (var directory in source.Directories(next))
                    open.Enqueue(directory);
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                // What cannot be listed cannot be loaded from by this process either; the loader says so when a policy tries.
                continue;
            }

            if (scripts.Count >= MaxScripts)
                break;
        }

        return scripts;
    }
}
