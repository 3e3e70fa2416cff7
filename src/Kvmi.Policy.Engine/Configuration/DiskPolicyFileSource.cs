namespace Kvmi.Policy.Engine.Configuration;

/// <summary>Policy files on disk. Safe for any thread.</summary>
public sealed class DiskPolicyFileSource : IPolicyFileSource
{
    private DiskPolicyFileSource()
    {
    }

    /// <summary>The only instance.</summary>
    public static DiskPolicyFileSource Instance { get; } = new();

    /// <inheritdoc/>
    public bool FileExists(string path) => File.Exists(path);

    /// <inheritdoc/>
    public bool DirectoryExists(string path) => Directory.Exists(path);

    /// <inheritdoc/>
    public byte[] Read(string path, int limit)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(limit);
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);

        // The length is only a first guess: the file may grow, and devices have none.
        using var content = new MemoryStream((int)Math.Clamp(stream.Length, 0, (long)limit + 1));
        var buffer = new byte[16 * 1024];
        while (content.Length <= limit)
        {
            var wanted = (int)Math.Min(buffer.Length, limit + 1 - content.Length);
            var count = stream.Read(buffer, 0, wanted);
            if (count == 0)
            {
                break;
            }

            content.Write(buffer, 0, count);
        }

        return content.ToArray();
    }

    /// <inheritdoc/>
    public IReadOnlyList<string> Files(string directory) => Directory.GetFiles(directory);

    /// <inheritdoc/>
    public IReadOnlyList<string> Directories(string directory) => Directory.GetDirectories(directory);
}
