namespace Kvmi.Policy.Engine.Configuration;

/// <summary>
/// Where the loader reads from. The disk by default (<see cref="DiskPolicyFileSource"/>); a reloader puts a source in between
/// that hashes what was read, tests use one without a disk. Paths use the platform's separator or <c>/</c>.
/// </summary>
public interface IPolicyFileSource
{
    /// <summary>Is there a file? False when it cannot be told.</summary>
    bool FileExists(string path);

    /// <summary>Is there a directory? False when it cannot be told.</summary>
    bool DirectoryExists(string path);

    /// <summary>Reads a file from its beginning.</summary>
    /// <param name="path">The file.</param>
    /// <param name="limit">The largest size that the caller accepts, in bytes.</param>
    /// <returns>The content; when the file is larger than <paramref name="limit"/>, its first <paramref name="limit"/> + 1 bytes.</returns>
    /// <exception cref="IOException">It cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">It must not be read.</exception>
    byte[] Read(string path, int limit);

    /// <summary>Paths of the files directly in a directory, in any order.</summary>
    /// <exception cref="IOException">It cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">It must not be read.</exception>
    IReadOnlyList<string> Files(string directory);

    /// <summary>Paths of the directories directly in a directory, in any order.</summary>
    /// <exception cref="IOException">It cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">It must not be read.</exception>
    IReadOnlyList<string> Directories(string directory);
}
