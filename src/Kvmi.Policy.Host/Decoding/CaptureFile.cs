using Kvmi.Policy.Host.CommandLine;
using Kvmi.Protocol.Captures;

namespace Kvmi.Policy.Host.Decoding;

/// <summary>A capture on disk, read entry by entry as often as asked.</summary>
internal sealed class CaptureFile
{
    /// <summary>Names a capture.</summary>
    /// <exception cref="HostEnvironmentException">There is no such file.</exception>
    public CaptureFile(string path)
    {
        Path = path;
        if (!File.Exists(path))
        {
            throw new HostEnvironmentException($"{path}: there is no such file.");
        }
    }

    public string Path { get; }

    public IEnumerable<HexCaptureEntry> Entries()
    {
        using var reader = new StreamReader(Path);
        foreach (var entry in HexCapture.Read(reader))
        {
            yield return entry;
        }
    }
}
