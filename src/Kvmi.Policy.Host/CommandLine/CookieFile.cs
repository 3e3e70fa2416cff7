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
    /// <exception cref="HostEnvironmentException">The file cannot be read, is empty or too large.</exception>
    public static ReadOnlyMemory<byte>? Read(string? file)
    {
        if (file is null)
        {
            return null;
        }

        try
        {
            using var stream = File.OpenRead(file);
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
}
