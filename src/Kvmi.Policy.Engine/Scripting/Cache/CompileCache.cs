using System.Security.Cryptography;
using System.Text;
using Kvmi.Policy.Engine.Output;
using Kvmi.Policy.Engine.Trust;
using Microsoft.Extensions.Logging;

namespace Kvmi.Policy.Engine.Scripting.Cache;

/// <summary>
/// Compiled scripts that outlive the process, one file each, in a directory that is this user's alone. A script is found by everything that its
/// code depends on, and its file is used only when a keyed hash over all of it is right: what is kept is code that passed the allow-list and is
/// metered, and it is not checked again. Whatever is wrong with a file costs one compilation; whatever is wrong with the directory is logged
/// once, and then nothing is kept. Thread-safe; processes can share a directory.
/// </summary>
public sealed class CompileCache
{
    /// <summary>Bytes that the files take at most, unless the caller says otherwise.</summary>
    public const long DefaultMaxBytes = 256L * 1024 * 1024;

    private readonly CacheDirectory _directory;
    private readonly ILogger _logger;
    private readonly Lazy<byte[]?> _secret;
    private int _writeProblems;

    /// <summary>Names a cache; nothing is read or made before the first script.</summary>
    /// <param name="directory">Its directory; made, for this user alone, when it is not there.</param>
    /// <param name="logger">Told once when the directory cannot be used (warning), and of each file that cannot (debug).</param>
    /// <param name="time">Clock: what was not used for the longest time is removed first.</param>
    /// <param name="maxBytes">Bytes that the files take at most, from 1; beyond that the oldest are removed.</param>
    public CompileCache(string directory, ILogger logger, TimeProvider time, long maxBytes = DefaultMaxBytes)
    {
        ArgumentException.ThrowIfNullOrEmpty(directory);
        ArgumentNullException.ThrowIfNull(logger);
        ArgumentNullException.ThrowIfNull(time);
        ArgumentOutOfRangeException.ThrowIfLessThan(maxBytes, 1);
        _directory = new(directory, time, maxBytes);
        _logger = logger;
        _secret = new(Open);
    }

    /// <summary>
    /// True when nobody asked for this very directory: that it cannot be made, as under a user without a home, is then a debug message. One that is
    /// there and unsafe is a warning always.
    /// </summary>
    public bool IsDefault { get; init; }

    /// <summary>Full path of the directory.</summary>
    public string Directory => _directory.Path;

    /// <summary>
    /// Reads which compiler and framework this is, before the first script needs to know, so that a start can do it on another thread meanwhile.
    /// Any thread; calling it is never required.
    /// </summary>
    public static void Prepare() => _ = ScriptIdentity.Environment;

    /// <summary>Finds a script that an earlier process, or another one, has compiled.</summary>
    /// <param name="key">Key of the script within a process.</param>
    /// <param name="source">The script.</param>
    /// <returns>The script; null when it must be compiled.</returns>
    internal CompiledScript? Find(string key, ScriptSource source)
    {
        if (_secret.Value is not { } secret)
            return null;

        var name = NameOf(key);
        try
        {
            if (_directory.Read(name) is not { } bytes)
                return null;

            if (CachedScriptFormat.Read(bytes, name, secret, out var problem) is not { } script)
            {
                LogMessages.CachedScriptUnusable(_logger, name, problem);
                return null;
            }

            if (!script.IsCurrent(new(source.Folder)))
                return null;

            _directory.Touch(name);
            return script;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            LogMessages.CachedScriptUnusable(_logger, name, exception.Message);
            return null;
        }
    }

    /// <summary>Keeps a script.</summary>
    /// <param name="key">Key of the script within a process.</param>
    /// <param name="script">What was compiled.</param>
    internal void Add(string key, CompiledScript script)
    {
        if (_secret.Value is not { } secret)
            return;

        var name = NameOf(key);
        try
        {
            _directory.Write(name, CachedScriptFormat.Write(script, name, secret));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // A full disk would otherwise say it for every script of every reload.
            if (Interlocked.Increment(ref _writeProblems) == 1)
                LogMessages.CompileCacheFull(_logger, Directory, exception.Message);
        }
    }

    private static string NameOf(string key) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{CachedScriptFormat.Version}\0{ScriptIdentity.Environment}\0{key}")));

    private byte[]? Open()
    {
        try
        {
            var flaw = ScriptIdentity.Environment is null ? "the compiler's files cannot be read" : _directory.Prepare(FileOwnership.OfThisProcess);
            if (flaw is null)
                return _directory.ReadSecret(FileOwnership.OfThisProcess);

            LogMessages.CompileCacheUnused(_logger, LogLevel.Warning, Directory, flaw);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            var isQuiet = IsDefault && !System.IO.Directory.Exists(Directory);
            LogMessages.CompileCacheUnused(_logger, isQuiet ? LogLevel.Debug : LogLevel.Warning, Directory, exception.Message);
        }

        return null;
    }
}
