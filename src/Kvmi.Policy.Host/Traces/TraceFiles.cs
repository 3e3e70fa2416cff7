using Kvmi.Policy.Host.CommandLine;
using Kvmi.Policy.Testing.Traces;

namespace Kvmi.Policy.Host.Traces;

/// <summary>Opens traces for verbs, and makes new ones.</summary>
internal static class TraceFiles
{
    private const int MagicLength = 7;

    /// <summary>True when a file begins like a trace, whatever its name is.</summary>
    /// <exception cref="HostEnvironmentException">There is no such file.</exception>
    public static bool IsTrace(string path)
    {
        if (!File.Exists(path))
        {
            throw new HostEnvironmentException($"{path}: there is no such file.");
        }

        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        Span<byte> start = stackalloc byte[MagicLength];
        return stream.ReadAtLeast(start, start.Length, throwOnEndOfStream: false) == start.Length && start.SequenceEqual("KVMITRC"u8);
    }

    /// <summary>Opens a trace.</summary>
    /// <exception cref="HostEnvironmentException">There is no such file, or it cannot be read.</exception>
    /// <exception cref="UsageException">It is no trace.</exception>
    public static TraceFile Open(string path)
    {
        try
        {
            return TraceFile.Open(path);
        }
        catch (TraceException exception)
        {
            throw new UsageException(exception.Message);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new HostEnvironmentException($"{path}: it cannot be read: {exception.Message}", exception);
        }
    }

    /// <summary>Works on a trace; one whose records contradict themselves ends that with a line on stderr.</summary>
    /// <returns>The exit code.</returns>
    public static int Read(Func<int> body)
    {
        try
        {
            return body();
        }
        catch (TraceException exception)
        {
            Console.Error.WriteLine($"kvmi-policy: {exception.Message}");
            return ExitCode.Failure;
        }
    }

    /// <summary>Makes a new file that nobody else may read: a trace holds what the guest's memory held.</summary>
    /// <exception cref="HostEnvironmentException">The file exists, or cannot be made.</exception>
    public static FileStream Create(string option, string path)
    {
        try
        {
            var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, Share = FileShare.Read, BufferSize = 0 };
            if (!OperatingSystem.IsWindows())
            {
                options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
            }

            return new FileStream(path, options);
        }
        catch (IOException exception) when (File.Exists(path))
        {
            throw new HostEnvironmentException($"{option} {path}: the file exists already. Give another name, or remove it first.", exception);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new HostEnvironmentException($"{option} {path}: it cannot be made: {exception.Message}", exception);
        }
    }
}
