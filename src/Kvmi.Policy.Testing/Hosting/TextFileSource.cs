using System.Globalization;
using System.Text;
using Kvmi.Policy.Engine.Configuration;

namespace Kvmi.Policy.Testing.Hosting;

/// <summary>Policy files that are texts of the test, before those on disk.</summary>
internal sealed class TextFileSource(IReadOnlyList<string> texts) : IPolicyFileSource
{
    private readonly Dictionary<string, byte[]> _texts = texts.Index().ToDictionary(
        entry => string.Create(CultureInfo.InvariantCulture, $"text{entry.Index + 1}.policy.yaml"), entry => Encoding.UTF8.GetBytes(entry.Item), StringComparer.Ordinal);

    /// <summary>Names of the texts: findings have them.</summary>
    public IReadOnlyCollection<string> Paths => _texts.Keys;

    public bool FileExists(string path) => _texts.ContainsKey(path) || DiskPolicyFileSource.Instance.FileExists(path);

    public bool DirectoryExists(string path) => DiskPolicyFileSource.Instance.DirectoryExists(path);

    public byte[] Read(string path, int limit) => _texts.TryGetValue(path, out var text)
        ? text[..Math.Min(text.Length, limit + 1)]
        : DiskPolicyFileSource.Instance.Read(path, limit);

    public IReadOnlyList<string> Files(string directory) => DiskPolicyFileSource.Instance.Files(directory);

    public IReadOnlyList<string> Directories(string directory) => DiskPolicyFileSource.Instance.Directories(directory);
}
