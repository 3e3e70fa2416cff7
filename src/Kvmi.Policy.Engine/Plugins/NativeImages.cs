using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Kvmi.Policy.Engine.Containment.Worker;
using Microsoft.Win32.SafeHandles;

namespace Kvmi.Policy.Engine.Plugins;

/// <summary>
/// Native libraries of plugins in this process. Each is loaded from a copy in memory, so that its file can be replaced at any time. None is ever
/// unloaded, because nobody can tell whether its code still runs; the same bytes of the same plugin are loaded once, so that reloads do not add up.
/// </summary>
internal static class NativeImages
{
    /// <summary>Different libraries in a process; each new build of one counts.</summary>
    public const int Max = 64;

    private const uint CloseOnExec = 1;
    private const uint Executable = 0x10;
    private static readonly Lock Gate = new();
    private static readonly Dictionary<(string Plugin, string Digest), nint> Loaded = [];

    /// <summary>Loads the library, or gives the handle of the same one.</summary>
    /// <param name="plugin">Main assembly of the plugin: two plugins with the same library do not share its variables.</param>
    /// <param name="path">The library's file, for messages.</param>
    /// <param name="image">Its checked bytes.</param>
    /// <exception cref="DllNotFoundException">The system does not load it, or there are too many.</exception>
    public static nint Load(string plugin, string path, byte[] image)
    {
        lock (Gate)
        {
            var key = (plugin, Convert.ToHexStringLower(SHA256.HashData(image)));
            if (Loaded.TryGetValue(key, out var handle))
                return handle;

            if (Loaded.Count >= Max)
                throw new DllNotFoundException($"{path}: {Max} native libraries of plugins are loaded already, and none is ever unloaded; restart the host");

            handle = LoadCopy(path, image);
            Loaded.Add(key, handle);
            return handle;
        }
    }

    private static nint LoadCopy(string path, byte[] image)
    {
        // Kernels before 6.3 do not know the second flag, and need none.
        var descriptor = NativeMethods.MemfdCreate("kvmi-plugin", CloseOnExec | Executable);
        if (descriptor < 0)
            descriptor = NativeMethods.MemfdCreate("kvmi-plugin", CloseOnExec);
        if (descriptor < 0)
            throw new DllNotFoundException($"{path}: no memory file for it (errno {Marshal.GetLastPInvokeError()})");

        // Stays open: the loader knows the library by this name, which must not come to mean another file.
        var file = new SafeFileHandle(descriptor, ownsHandle: false);
        try
        {
            RandomAccess.Write(file, image, 0);
            return NativeLibrary.Load($"/proc/self/fd/{descriptor}");
        }
        catch (Exception exception) when (exception is IOException or DllNotFoundException or BadImageFormatException)
        {
            _ = NativeMethods.Close(descriptor);
            throw new DllNotFoundException(
                $"{path} cannot be loaded: {exception.Message}; a plugin's library is loaded from a copy in memory, so what it needs besides the system's libraries must be linked into it",
                exception);
        }
    }
}
