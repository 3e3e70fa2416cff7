using System.Security.Cryptography;
using Kvmi.Policy.Engine.Trust;

namespace Kvmi.Policy.Engine.Scripting.Cache;

/// <summary>
/// The directory of a compile cache: mode 0700, files 0600, a file <c>key</c> with the secret of the keyed hashes, and one file a script. A file
/// appears complete or not at all. Thread-safe; processes can share it.
/// </summary>
internal sealed class CacheDirectory(string path, TimeProvider time, long maxBytes)
{
    /// <summary>Extension of the scripts' files.</summary>
    public const string Extension = ".script";

    private const string SecretName = "key";
    private const string NewExtension = ".new";
    private const int SecretLength = 32;
    private const int MaxFileLength = 64 * 1024 * 1024;
    private const UnixFileMode OwnerReadsAndWrites = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    // What a process that was killed in the middle of a write left behind; no write takes this long.
    private static readonly TimeSpan Abandoned = TimeSpan.FromHours(1);

    private readonly Lock _gate = new();
    private long _bytes = -1;

    /// <summary>Full path.</summary>
    public string Path { get; } = System.IO.Path.GetFullPath(path);

    /// <summary>Makes the directory when it is not there, and looks whether it is safe.</summary>
    /// <returns>Why it must not be used; null when it may.</returns>
    public string? Prepare(FileOwnership ownership)
    {
        if (!OperatingSystem.IsWindows())
            Directory.CreateDirectory(Path, OwnerReadsAndWrites | UnixFileMode.UserExecute);

        return ownership.FindPrivateFlaw(Path) ?? ownership.FindFlaw(Path);
    }

    /// <summary>The secret; made by the first process.</summary>
    /// <exception cref="IOException">It is damaged, or not this user's alone.</exception>
    public byte[] ReadSecret(FileOwnership ownership)
    {
        var file = At(SecretName);
        if (!File.Exists(file))
        {
            var fresh = WriteNew(RandomNumberGenerator.GetBytes(SecretLength));
            try
            {
                File.Move(fresh, file, overwrite: false);
            }
            catch (IOException) when (File.Exists(file))
            {
                // Another process was first: its secret counts.
                File.Delete(fresh);
            }
        }

        if (ownership.FindPrivateFlaw(file) is { } flaw)
            throw new IOException($"{flaw}; remove it");

        var secret = ReadBounded(file, SecretLength);
        return secret is { Length: SecretLength } ? secret : throw new IOException($"'{file}' is not a key of {SecretLength} bytes; remove it");
    }

    /// <summary>Reads a script's file; null when there is none.</summary>
    public byte[]? Read(string name)
    {
        try
        {
            return ReadBounded(At(name + Extension), MaxFileLength);
        }
        catch (FileNotFoundException)
        {
            return null;
        }
    }

    /// <summary>Notes that a script was used now.</summary>
    public void Touch(string name)
    {
        try
        {
            File.SetLastWriteTimeUtc(At(name + Extension), time.GetUtcNow().UtcDateTime);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // Another process has just removed it, or the directory became read-only: what was read is good, and it only looks older than it is.
            _ = exception;
        }
    }

    /// <summary>Writes a script's file, and removes the oldest when there is too much.</summary>
    public void Write(string name, byte[] bytes)
    {
        if (bytes.Length > MaxFileLength)
            return;

        File.Move(WriteNew(bytes), At(name + Extension), overwrite: true);
        lock (_gate)
        {
            // Other processes write too, so the sum is only an estimate until it says that there is too much.
            _bytes = _bytes < 0 ? Sum() : _bytes + bytes.Length;
            if (_bytes > maxBytes)
                _bytes = RemoveOldest();
        }
    }

    private string At(string name) => System.IO.Path.Combine(Path, name);

    private string WriteNew(byte[] bytes)
    {
        var file = At(Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16)) + NewExtension);
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, Share = FileShare.None, BufferSize = 0 };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = OwnerReadsAndWrites;

        try
        {
            using var stream = new FileStream(file, options);
            stream.Write(bytes);
            return file;
        }
        catch (IOException)
        {
            File.Delete(file);
            throw;
        }
    }

    private static byte[]? ReadBounded(string file, int maxLength)
    {
        using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
        if (stream.Length > maxLength)
            throw new IOException($"'{file}' has {stream.Length} bytes, at most {maxLength} are expected");

        var bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        return bytes;
    }

    private long Sum() => Files().Sum(file => file.Length);

    // To three quarters, so that the next script does not have to do it again.
    private long RemoveOldest()
    {
        var files = Files().OrderBy(file => file.LastWriteTimeUtc).ThenBy(file => file.Name, StringComparer.Ordinal).ToList();
        var left = files.Sum(file => file.Length);
        foreach (var file in files)
        {
            if (left <= maxBytes / 4 * 3)
                break;

            left -= file.Length;
            File.Delete(file.FullName);
        }

        var now = time.GetUtcNow().UtcDateTime;
        foreach (var file in new DirectoryInfo(Path).EnumerateFiles("*" + NewExtension).Where(file => now - file.LastWriteTimeUtc > Abandoned))
            File.Delete(file.FullName);

        return left;
    }

    // Another process may remove files meanwhile: what is gone has no length.
    private List<CacheFile> Files()
    {
        var files = new List<CacheFile>();
        foreach (var file in new DirectoryInfo(Path).EnumerateFiles("*" + Extension))
        {
            try
            {
                files.Add(new(file.FullName, file.Name, file.Length, file.LastWriteTimeUtc));
            }
            catch (FileNotFoundException exception)
            {
                _ = exception;
            }
        }

        return files;
    }

    private readonly record struct CacheFile(string FullName, string Name, long Length, DateTime LastWriteTimeUtc);
}
