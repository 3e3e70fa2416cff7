namespace Kvmi.Policy.Engine.Plugins;

/// <summary>Reads plugin files. They are never mapped: a mapped file that is cut short in place ends the process.</summary>
internal static class PluginFile
{
    /// <summary>Larger files are refused.</summary>
    public const int MaxBytes = 256 * 1024 * 1024;

    /// <summary>Reads a whole file; null with the reason when it cannot be read.</summary>
    public static byte[]? TryRead(string path, out string problem)
    {
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            if (stream.Length > MaxBytes)
            {
                problem = $"it is larger than {MaxBytes} bytes";
                return null;
            }

            var bytes = new byte[stream.Length];
            var length = stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
            problem = length == bytes.Length ? "" : "it became shorter while it was read";
            return length == bytes.Length ? bytes : null;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            problem = exception.Message;
            return null;
        }
    }
}
