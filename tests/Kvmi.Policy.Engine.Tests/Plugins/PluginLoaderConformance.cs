using System.Reflection;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using Kvmi.Policy.Engine.Plugins;
using Kvmi.Policy.Engine.Tests.Scripting;
using Kvmi.Protocol;

namespace Kvmi.Policy.Engine.Tests.Plugins;

/// <summary>
/// What the host asks of an <see cref="IPluginLoader"/>. Derive from it, give your loader, and the tests run over it; loader-seam.md says what
/// each of them is for.
/// </summary>
public abstract class PluginLoaderConformance : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    /// <summary>The loader under test.</summary>
    protected abstract IPluginLoader Loader { get; }

    public void Dispose()
    {
        _folder.Dispose();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public void The_contract_is_the_hosts_also_when_a_copy_lies_beside_the_plugin()
    {
        var path = Write("a", "Main", "public class P : Kvmi.Policy.PolicyBase { }");
        File.Copy(typeof(PolicyBase).Assembly.Location, Path.Combine(Path.GetDirectoryName(path)!, "Kvmi.Policy.Abstractions.dll"));
        using var plugin = Loader.Load(Options(path));
        Assert.True(typeof(PolicyBase).IsAssignableFrom(plugin.MainAssembly.GetType("P")));
    }

    [Fact]
    public void Each_plugin_has_its_own_version_of_a_library()
    {
        using var one = Loader.Load(Options(WriteWithLibrary("a", 1)));
        using var two = Loader.Load(Options(WriteWithLibrary("b", 2)));
        Assert.Equal([1, 2], new[] { Call(one), Call(two) });
    }

    [Fact]
    public void A_private_library_is_stronger_than_the_hosts_of_the_same_name()
    {
        // The host has a YamlDotNet, and that one has no such class.
        var library = TestAssembly.Build("YamlDotNet", "[assembly: System.Reflection.AssemblyVersion(\"1.0.0.0\")] public static class OfThePlugin { public static int Value => 3; }");
        _folder.Write("a/YamlDotNet.dll", library);
        using var plugin = Loader.Load(Options(Write("a", "Main", "public static class Entry { public static int Call() => OfThePlugin.Value; }", library)));
        Assert.Equal(3, Call(plugin));
    }

    [Fact]
    public void The_same_plugin_loaded_twice_is_two_plugins()
    {
        var path = Write("a", "Main", "public static class Entry { static int _calls; public static int Call() => ++_calls; }");
        using var one = Loader.Load(Options(path));
        using var two = Loader.Load(Options(path));
        Assert.Equal([1, 2, 1], new[] { Call(one), Call(one), Call(two) });
    }

    [Fact]
    public void The_bytes_that_were_inspected_are_loaded_whatever_the_file_has_become()
    {
        var path = Write("a", "Main", "public static class Entry { public static int Call() => 1; }");
        var options = Options(path);
        File.WriteAllBytes(path, TestAssembly.Build("Main", "public static class Entry { public static int Call() => 2; }"));
        using var plugin = Loader.Load(options);
        Assert.Equal(1, Call(plugin));
    }

    [Fact]
    public void Files_can_be_cut_short_while_the_plugin_is_in_use()
    {
        var path = WriteWithLibrary("a", 4);
        using var plugin = Loader.Load(Options(path));
        Assert.Equal(4, Call(plugin));
        File.WriteAllText(path, "");
        File.WriteAllText(Path.Combine(Path.GetDirectoryName(path)!, "Library.dll"), "");
        Assert.Equal(4, Call(plugin));
    }

    [Fact]
    public void A_missing_library_is_found_at_the_load_and_named()
    {
        var path = WriteWithLibrary("a", 5);
        File.Delete(Path.Combine(Path.GetDirectoryName(path)!, "Library.dll"));
        var exception = Assert.Throws<PluginLoadException>(() => Loader.Load(Options(path)));
        Assert.Contains("Library", exception.Message, StringComparison.Ordinal);
        Assert.Contains(Path.GetDirectoryName(path)!, exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(700)]
    public void A_damaged_library_is_found_at_the_load_and_named(int length)
    {
        var path = WriteWithLibrary("a", 6);
        var library = Path.Combine(Path.GetDirectoryName(path)!, "Library.dll");
        File.WriteAllBytes(library, File.ReadAllBytes(library)[..length]);
        Assert.Contains(library, Assert.Throws<PluginLoadException>(() => Loader.Load(Options(path))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_damaged_main_assembly_is_a_load_exception_and_nothing_else()
    {
        var path = Write("a", "Main", "public static class Entry { public static int Call() => 1; }");
        var options = Options(path);
        Assert.Throws<PluginLoadException>(() => Loader.Load(options with { MainAssemblyImage = options.MainAssemblyImage[..600] }));
    }

    [Fact]
    public void A_library_that_the_rules_refuse_is_not_loaded()
    {
        var path = WriteWithLibrary("a", 7);
        var rules = new PluginRules { Allowed = PluginDigestList.Parse("list", $"{Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(path)))}  Main.dll\n") };
        var exception = Assert.Throws<PluginLoadException>(() => Loader.Load(Options(path) with { Rules = rules }));
        Assert.Contains("Library.dll", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_disposed_plugin_has_no_assembly_and_can_be_disposed_again()
    {
        var plugin = Loader.Load(Options(Write("a", "Main", "public class C { }")));
        plugin.Dispose();
        plugin.Dispose();
        Assert.Throws<ObjectDisposedException>(() => plugin.MainAssembly);
    }

    [Fact]
    public void A_disposed_plugin_leaves_memory_with_its_libraries()
    {
        var path = WriteWithLibrary("a", 8);
        var weak = LoadAndDispose(path);
        for (var i = 0; i < 20 && weak.Any(reference => reference.IsAlive); i++)
        {
#pragma warning disable RS0030 // The product never forces a collection; proving an unload needs one.
            GC.Collect();
#pragma warning restore RS0030
            GC.WaitForPendingFinalizers();
        }

        Assert.All(weak, reference => Assert.False(reference.IsAlive));
    }

    [Fact]
    public void Several_threads_load_at_once()
    {
        var paths = Enumerable.Range(0, 8).Select(number => WriteWithLibrary($"p{number}", number)).ToList();
        var plugins = new ILoadedPlugin[paths.Count];
        Parallel.For(0, paths.Count, index => plugins[index] = Loader.Load(Options(paths[index])));
        Assert.Equal(Enumerable.Range(0, 8), plugins.Select(Call));
        Assert.All(plugins, plugin => plugin.Dispose());
    }

    private static int Call(ILoadedPlugin plugin) => (int)plugin.MainAssembly.GetType("Entry")!.GetMethod("Call")!.Invoke(null, null)!;

    private static PluginLoadOptions Options(string path) => new()
    {
        MainAssemblyPath = path,
        MainAssemblyImage = File.ReadAllBytes(path),
        SharedTypes = [typeof(PolicyBase), typeof(CommandKind)],
    };

    [MethodImpl(MethodImplOptions.NoInlining)]
    private WeakReference[] LoadAndDispose(string path)
    {
        using var plugin = Loader.Load(Options(path));
        Assert.Equal(8, Call(plugin));
        var library = plugin.MainAssembly.GetType("Entry")!.GetMethod("Library")!.Invoke(null, null)!;
        return [new(plugin.MainAssembly), new(((Type)library).Assembly)];
    }

    private string WriteWithLibrary(string folder, int number)
    {
        var library = TestAssembly.Build("Library", $"[assembly: System.Reflection.AssemblyVersion(\"{number}.0.0.0\")] public static class Library {{ public static int Value => {number}; }}");
        _folder.Write($"{folder}/Library.dll", library);
        return Write(
            folder, "Main", "public static class Entry { public static int Call() => global::Library.Value; public static System.Type Library() => typeof(global::Library); }", library);
    }

    private string Write(string folder, string name, string source, params byte[][] references) =>
        _folder.Write($"{folder}/{name}.dll", TestAssembly.Build(name, source, references));
}
