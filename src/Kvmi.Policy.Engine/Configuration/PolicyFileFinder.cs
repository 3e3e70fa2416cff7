using Kvmi.Policy.Engine.Findings;

namespace Kvmi.Policy.Engine.Configuration;

/// <summary>Finds policy files under directories, with bounds, in an order that does not depend on the file system.</summary>
internal sealed class PolicyFileFinder
{
    public const int DeepestFolder = 6;
    public const int MostFolders = 10_000;
    public const int MostFiles = 2_000;

    private readonly IPolicyFileSource _source;
    private readonly List<Finding> _findings;
    private readonly SortedSet<string> _files = new(StringComparer.Ordinal);
    private int _folders;

    private PolicyFileFinder(IPolicyFileSource source, List<Finding> findings)
    {
        _source = source;
        _findings = findings;
    }

    public static IReadOnlyList<string> Find(IReadOnlyList<string> paths, IPolicyFileSource source, List<Finding> findings)
    {
        var finder = new PolicyFileFinder(source, findings);
        foreach (var path in paths)
        {
            if (source.DirectoryExists(path))
            {
                finder.Search(path, 0);
            }
            else if (source.FileExists(path))
            {
                finder._files.Add(path);
            }
            else
            {
                finder.Report(path, "There is no such directory or file.");
            }
        }

        return [.. finder._files];
    }

    private void Search(string folder, int depth)
    {
        if (depth > DeepestFolder || _folders >= MostFolders || _files.Count >= MostFiles)
        {
            Report(folder, $"Not searched: the bounds are {DeepestFolder} levels of folders, {MostFolders} folders and {MostFiles} policies.");
            return;
        }

        _folders++;
        try
        {
            foreach (var file in _source.Files(folder).Order(StringComparer.Ordinal))
            {
                var name = Path.GetFileName(file);
                if (name == "policy.yaml" || (name.EndsWith(".policy.yaml", StringComparison.Ordinal) && name[0] != '.'))
                {
                    _files.Add(file);
                }
            }

            // Hidden folders are no policies: version control, and the bookkeeping of mounted configuration.
            foreach (var child in _source.Directories(folder).Where(path => !Path.GetFileName(path).StartsWith('.')).Order(StringComparer.Ordinal))
            {
                Search(child, depth + 1);
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            Report(folder, $"The directory cannot be searched: {exception.Message}");
        }
    }

    private void Report(string path, string message)
    {
        if (_findings.Count < FindingList.Most)
        {
            _findings.Add(new Finding(new SourceLocation(path), FindingSeverity.Error, FindingCodes.DirectoryProblem, message));
        }
    }
}
