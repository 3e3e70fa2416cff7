using Kvmi.Policy.Host.CommandLine;

namespace Kvmi.Policy.Host.Sinks;

/// <summary>Headers of a webhook, from a file: secrets have no place on a command line. One <c>Name: value</c> a line; # begins a comment line.</summary>
internal static class WebhookHeaders
{
    private const int MaxLength = 16 * 1024;
    private static readonly string[] Reserved = ["Content-Length", "Content-Type", "Host", "Transfer-Encoding", "Connection", "Expect", "Idempotency-Key"];

    /// <summary>Reads the file.</summary>
    /// <exception cref="HostEnvironmentException">It cannot be read, others can read it, or a line is no header.</exception>
    public static IReadOnlyList<(string Name, string Value)> Read(string file)
    {
        try
        {
            using var stream = File.OpenRead(file);
            const UnixFileMode Exposed = UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.GroupWrite;
            if (!OperatingSystem.IsWindows() && (File.GetUnixFileMode(stream.SafeFileHandle) & Exposed) is not UnixFileMode.None)
            {
                throw new HostEnvironmentException($"{file}: others can read or change the file of headers; chmod 0400 it.");
            }

            if (stream.Length > MaxLength)
            {
                throw new HostEnvironmentException($"{file}: a file of headers has at most {MaxLength} bytes, this one has {stream.Length}.");
            }

            using var reader = new StreamReader(stream);
            return Parse(file, reader);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new HostEnvironmentException($"{file}: the file of headers cannot be read: {exception.Message}", exception);
        }
    }

    // What a line holds is never shown: it may be the secret.
    private static List<(string Name, string Value)> Parse(string file, StreamReader reader)
    {
        List<(string, string)> headers = [];
        using var probe = new HttpRequestMessage();
        for (var number = 1; reader.ReadLine() is { } line; number++)
        {
            if (line.Length == 0 || line[0] == '#')
            {
                continue;
            }

            var colon = line.IndexOf(':', StringComparison.Ordinal);
            var (name, value) = colon > 0 ? (line[..colon], line[(colon + 1)..].Trim()) : ("", "");
            if (Reserved.Contains(name, StringComparer.OrdinalIgnoreCase))
            {
                throw new HostEnvironmentException($"{file}:{number}: the header {name} is the host's own to set.");
            }

            if (value.Length == 0 || value.Any(character => character is < ' ' or > '~') || !probe.Headers.TryAddWithoutValidation(name, value))
            {
                throw new HostEnvironmentException($"{file}:{number}: expected a header such as 'Authorization: Bearer ...', in printable ASCII.");
            }

            headers.Add((name, value));
        }

        return headers;
    }
}
