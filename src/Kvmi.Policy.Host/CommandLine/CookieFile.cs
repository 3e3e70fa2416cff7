using System.CommandLine;

namespace Kvmi.Policy.Host.CommandLine;

/// <summary>--cookie-file: the secret that device manager and tool share, as raw bytes in a file.</summary>
internal static class CookieFile
{
    /// <summary>Most bytes of a secret.</summary>
    public const int MaxLength = 4096;

    public static Option<string?> Option() => new("--cookie-file")
    {
        Description = "File with the secret of QEMU's secret object, raw bytes; the VM's cookie must prove it",
        HelpName = "FILE",
    };

    /// <summary>Reads the secret.</summary>
    /// <returns>Null when no file is given.</returns>
    /// <exception cref="HostEnvironmentException">The file cannot be read, others can read or replace it, it is empty or too large.</exception>
    public static ReadOnlyMemory<byte>? Read(string? file)
    {
        if (file is null)
        {
            return null;
        }

        try
        {
            using var stream = File.OpenRead(file);
            RequireSecrecy(file, stream);
            if (stream.Length is 0 or > MaxLength)
            {
                throw new HostEnvironmentException($"{file}: a cookie file has 1 to {MaxLength} bytes, this one has {stream.Length}.");
            }

            var secret = new byte[stream.Length];
            stream.ReadExactly(secret);
            return secret;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new HostEnvironmentException($"{file}: the cookie file cannot be read: {e.Message}", e);
        }
    }

    // Asked of the open file, so that it is the one that is read. A group may read: QEMU's user has to, when it is another one.
    private static void RequireSecrecy(string file, FileStream stream)
    {
        const UnixFileMode Exposed = UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.GroupWrite;
        if (!OperatingSystem.IsWindows() && (File.GetUnixFileMode(stream.SafeFileHandle) & Exposed) is not UnixFileMode.None)
        {
            throw new HostEnvironmentException($"{file}: others can read or change the cookie file, so that it proves nothing; chmod 0400 it (0440 with a group of QEMU's user).");
        }
    }
}
