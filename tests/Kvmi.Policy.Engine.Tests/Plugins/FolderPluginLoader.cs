using System.Reflection;
using System.Runtime.Loader;
using Kvmi.Policy.Engine.Plugins;

namespace Kvmi.Policy.Engine.Tests.Plugins;

/// <summary>
/// A second loader, as somebody else would write it with what is public: everything beside the main assembly is private, without a look into a
/// .deps.json. It shows that the seam holds; the host does not use it.
/// </summary>
internal sealed class FolderPluginLoader : IPluginLoader
{
    public ILoadedPlugin Load(PluginLoadOptions options)
    {
        var context = new FolderContext(options);
        try
        {
            var main = context.Load(options.MainAssemblyPath, options.MainAssemblyImage.ToArray());
            context.LoadReferences(main, []);
            return new Loaded(context, main);
        }
        catch
        {
            context.Unload();
            throw;
        }
    }

    private sealed class FolderContext(PluginLoadOptions options) : AssemblyLoadContext("folder", isCollectible: true)
    {
        private readonly string _folder = Path.GetDirectoryName(options.MainAssemblyPath)!;

        public Assembly Load(string path, byte[] image)
        {
            try
            {
                using var stream = new MemoryStream(image);
                return LoadFromStream(stream);
            }
            catch (Exception exception) when (exception is BadImageFormatException or FileLoadException)
            {
                throw new PluginLoadException($"{path} cannot be loaded: {exception.Message}", exception);
            }
        }

        // Now, so that nothing is missing later and no file is opened any more.
        public void LoadReferences(Assembly assembly, HashSet<string> seen)
        {
            foreach (var name in assembly.GetReferencedAssemblies().Where(name => seen.Add(name.Name!)))
            {
                Assembly found;
                try
                {
                    found = LoadFromAssemblyName(name);
                }
                catch (FileNotFoundException exception)
                {
                    throw new PluginLoadException($"{assembly.GetName().Name} references {name}, which is neither in {_folder} nor the host's", exception);
                }
                catch (FileLoadException exception) when (exception.InnerException is PluginLoadException inner)
                {
                    // The runtime wraps what its call of Load threw.
                    throw new PluginLoadException(inner.Message, exception);
                }

                if (GetLoadContext(found) == this)
                    LoadReferences(found, seen);
            }
        }

        protected override Assembly? Load(AssemblyName assemblyName)
        {
            if (options.SharedTypes.FirstOrDefault(type => type.Assembly.GetName().Name == assemblyName.Name) is { } shared)
                return shared.Assembly;

            var path = Path.Combine(_folder, assemblyName.Name + ".dll");
            return File.Exists(path) ? Load(path, options.Rules.Read(path)) : null;
        }
    }

    private sealed class Loaded(AssemblyLoadContext context, Assembly main) : ILoadedPlugin
    {
        private Assembly? _main = main;
        private AssemblyLoadContext? _context = context;

        public Assembly MainAssembly => _main ?? throw new ObjectDisposedException(nameof(Loaded));

        public void Dispose()
        {
            _main = null;
            Interlocked.Exchange(ref _context, null)?.Unload();
        }
    }
}
