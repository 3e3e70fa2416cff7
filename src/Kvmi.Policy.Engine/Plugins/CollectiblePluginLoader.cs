using System.Reflection;
using System.Runtime.Loader;

namespace Kvmi.Policy.Engine.Plugins;

/// <summary>
/// The default loader: one collectible load context per plugin. Contract assemblies are the host's; private dependencies
/// come from the plugin's folder as its <c>.deps.json</c> says; the rest comes from the framework and the host. Every
/// file is read once, checked by the rules of the options, and loaded from those very bytes, native libraries too: these never unload, but the same
/// one is loaded once.
/// </summary>
public sealed class CollectiblePluginLoader : IPluginLoader
{
    /// <inheritdoc/>
    public ILoadedPlugin Load(PluginLoadOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (!options.LoadInMemory || !options.IsUnloadable)
            throw new ArgumentException("This loader reads plugins into memory and unloads them; it has no other way.", nameof(options));

        try
        {
            var resolver = new PluginDependencies(options);
            resolver.Check();
            var context = new PluginLoadContext(resolver, Path.GetFileNameWithoutExtension(options.MainAssemblyPath));
            try
            {
                return new LoadedPlugin(context, context.LoadImage(options.MainAssemblyPath, options.MainAssemblyImage.ToArray()));
            }
            catch
            {
                context.Unload();
                throw;
            }
        }
        catch (Exception exception) when (exception is BadImageFormatException or IOException or InvalidOperationException)
        {
            throw new PluginLoadException($"{options.MainAssemblyPath} cannot be loaded: {exception.Message}", exception);
        }
    }

    private sealed class PluginLoadContext(PluginDependencies dependencies, string name)
        : AssemblyLoadContext("plugin " + name, isCollectible: true)
    {
        public Assembly LoadImage(string path, byte[] image)
        {
            var symbols = dependencies.ReadSymbols(path);
            using var imageStream = new MemoryStream(image);
            using var symbolStream = symbols is null ? null : new MemoryStream(symbols);
            return LoadFromStream(imageStream, symbolStream);
        }

        protected override Assembly? Load(AssemblyName assemblyName)
        {
            var found = dependencies.Resolve(assemblyName);
            if (found.Shared is not null)
                return found.Shared;
            if (found.PrivatePath is null)
                return null;

            var image = dependencies.Read(found.PrivatePath, out var refusal) ?? throw new FileLoadException($"{found.PrivatePath}: {refusal!.Reason}");
            return LoadImage(found.PrivatePath, image);
        }

        protected override nint LoadUnmanagedDll(string unmanagedDllName) => dependencies.Natives.Load(unmanagedDllName);
    }

    private sealed class LoadedPlugin(AssemblyLoadContext context, Assembly mainAssembly) : ILoadedPlugin
    {
        private AssemblyLoadContext? _context = context;
        private Assembly? _mainAssembly = mainAssembly;

        public Assembly MainAssembly => _mainAssembly ?? throw new ObjectDisposedException(nameof(ILoadedPlugin));

        public void Dispose()
        {
            _mainAssembly = null;
            Interlocked.Exchange(ref _context, null)?.Unload();
        }
    }
}
