using System.Security.Cryptography;

namespace Kvmi.Policy.Engine.Reload;

/// <summary>
/// Looks at all files that a generation is made of. Follows symbolic links, so that a re-pointed link is a change. Bounded:
/// at most 10,000 files, 8 levels deep, 256 MiB a file.
/// </summary>
internal sealed class FileScanner
{
    private const int MaxFiles = 10_000;
    private const int MaxDepth = 8;
    private const long MaxHashed = 256 * 1024 * 1024;

    private static readonly string[] PolicyExtensions = [".yaml", ".yml", ".csx"];
    private static readonly string[] PluginExtensions = [".dll", ".json"];

    private readonly IReadOnlyList<string> _policyDirectories;
    private readonly IReadOnlyList<string> _pluginDirectories;
    private readonly IReadOnlyList<string> _singleFiles;

    public FileScanner(
        IReadOnlyList<string> policyDirectories, IReadOnlyList<string> pluginDirectories, IReadOnlyList<string> singleFiles)
    {
        _singleFiles = singleFiles;
        _policyDirectories = policyDirectories;
        _pluginDirectories = pluginDirectories;
    }

    /// <summary>Looks at all files.</summary>
    /// <param name="known">An earlier result: a file whose size and time are the same is not hashed again.</param>
    /// <param name="rehash">Hash all of them nevertheless.</param>
    public Dictionary<string, FileState> Scan(IReadOnlyDictionary<string, FileState> known, bool rehash)
    {
        var files = new Dictionary<string, FileState>(StringComparer.Ordinal);
        foreach (var directory in _policyDirectories)
            Walk(new(Path.GetFullPath(directory)), PolicyExtensions, false, 0, known, rehash, files);
        foreach (var directory in _pluginDirectories)
            Walk(new(Path.GetFullPath(directory)), PluginExtensions, true, 0, known, rehash, files);
        foreach (var file in _singleFiles.Select(Path.GetFullPath))
            files[file] = Look(file, false, known, rehash);

        return files;
    }

    /// <summary>Paths whose content differs, ordered.</summary>
    public static List<string> Changes(IReadOnlyDictionary<string, FileState> before, IReadOnlyDictionary<string, FileState> after)
    {
        var changed = new List<string>();
        foreach (var (path, state) in after)
        {
            if (!before.TryGetValue(path, out var old) || old.Hash != state.Hash || old.Length != state.Length)
                changed.Add(path);
        }

        changed.AddRange(before.Keys.Where(path => !after.ContainsKey(path)));
        changed.Sort(StringComparer.Ordinal);
        return changed;
    }

    private static void Walk(
        DirectoryInfo directory,
        string[] extensions,
        bool isPlugin,
        int depth,
        IReadOnlyDictionary<string, FileState> known,
        bool rehash,
        Dictionary<string, FileState> files)
    {
        if (depth > MaxDepth)
            return;

        try
        {
            foreach (var entry in directory.EnumerateFileSystemInfos())
            {
                // Hidden entries are editors' files, version control, and the versions behind a mounted ConfigMap's links.
                if (files.Count >= MaxFiles || entry.Name.StartsWith('.'))
                    continue;

                if (Directory.Exists(entry.FullName))
                    Walk(new(entry.FullName), extensions, isPlugin, depth + 1, known, rehash, files);
                else if (extensions.Contains(entry.Extension, StringComparer.OrdinalIgnoreCase))
                    files[entry.FullName] = Look(entry.FullName, isPlugin, known, rehash);
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // Not there, or gone meanwhile: then its files are not there either. The policy source reports what it cannot read.
        }
    }

    private static FileState Look(string path, bool isPlugin, IReadOnlyDictionary<string, FileState> known, bool rehash)
    {
        try
        {
            // Opened first, so that length, time and content belong to one file even when the name moves to another.
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, 1);
            var length = stream.Length;
            var modified = File.GetLastWriteTimeUtc(stream.SafeFileHandle).Ticks;
            if (!rehash && known.TryGetValue(path, out var old) && old.Length == length && old.Modified == modified)
                return old;

            return new(length, modified, length > MaxHashed ? $"{length}:{modified}" : Convert.ToHexString(SHA256.HashData(stream)), isPlugin);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return new(-1, 0, "", isPlugin);
        }
    }
}
