using System.Text;
using Kvmi.Policy.Engine.Configuration;

namespace Kvmi.Policy.Engine.Tests.Configuration;

/// <summary>Files without a disk: paths with / and their content.</summary>
internal sealed class MemoryPolicyFiles : IPolicyFileSource
{
    private readonly Dictionary<string, byte[]> _files = new(StringComparer.Ordinal);

    public MemoryPolicyFiles Add(string path, string content) => Add(path, Encoding.UTF8.GetBytes(content));

    public MemoryPolicyFiles Add(string path, byte[] content)
    {
        _files[path] = content;
        return this;
    }

    public bool FileExists(string path) => _files.ContainsKey(path);

    public bool DirectoryExists(string path) => _files.Keys.Any(file => file.StartsWith(path + "/", StringComparison.Ordinal));

    public byte[] Read(string path, int limit) =>
        _files.TryGetValue(path, out var content) ? content[..Math.Min(content.Length, limit + 1)] : throw new FileNotFoundException($"There is no {path}.");

    public IReadOnlyList<string> Files(string directory) =>
        [.. _files.Keys.Where(file => Path.GetDirectoryName(file) == directory).Reverse()];

    public IReadOnlyList<string> Directories(string directory) =>
        [.. _files.Keys
            .Where(file => file.StartsWith(directory + "/", StringComparison.Ordinal) && file.IndexOf('/', directory.Length + 1) > 0)
            .Select(file => file[..file.IndexOf('/', directory.Length + 1)])
            .Distinct(StringComparer.Ordinal)
            .Reverse()];
}
