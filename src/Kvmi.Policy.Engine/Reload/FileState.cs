namespace Kvmi.Policy.Engine.Reload;

/// <summary>What tells one content of a file from another.</summary>
/// <param name="Length">Size in bytes; -1 when it cannot be read.</param>
/// <param name="Modified">Time of the last write, in UTC ticks.</param>
/// <param name="Hash">SHA-256 of the content, hexadecimal; empty when it cannot be read.</param>
/// <param name="IsPlugin">Is it part of a plugin?</param>
internal readonly record struct FileState(long Length, long Modified, string Hash, bool IsPlugin);
