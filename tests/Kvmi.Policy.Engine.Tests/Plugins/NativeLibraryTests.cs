using System.Diagnostics;
using Kvmi.Policy.Engine.Generations;
using Kvmi.Policy.Engine.Plugins;
using Kvmi.Policy.Engine.Tests.Scripting;
using static Kvmi.Policy.Engine.Tests.Scripting.Policies;

namespace Kvmi.Policy.Engine.Tests.Plugins;

/// <summary>Plugins with a library of gcc.</summary>
public sealed class NativeLibraryTests : IDisposable
{
    private const string Source =
        """
        using System.Runtime.InteropServices;
        using Kvmi.Policy;
        [assembly: PolicyPlugin("native")]
        public class P : PolicyBase
        {
            [DllImport("kvmitest")] private static extern ulong next_number();
            [DllImport("libc")] private static extern int getpid();
            public Decision OnCr(CrEvent e) => getpid() > 0 ? Set(next_number()) : Allow;
        }
        """;

    private static readonly string Platform = PluginNativeLibraries.Platform;
    private readonly TemporaryFolder _folder = new();

    public NativeLibraryTests() => _folder.Write("plugins/native/Native.dll", TestAssembly.Build("Native", Source));

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("libkvmitest.so")]
    [InlineData("kvmitest.so")]
    [InlineData("runtimes/PLATFORM/native/libkvmitest.so")]
    public void A_library_is_found_beside_the_plugin_and_under_runtimes(string place)
    {
        var path = _folder.Write("plugins/native/" + place.Replace("PLATFORM", Platform, StringComparison.Ordinal), Library(100));
        Assert.Equal(Decision.Set(100), Decide());
        var report = Assert.Single(PluginReporter.Report(Discover(), new CollectiblePluginLoader()));
        Assert.Null(report.Problem);
        Assert.Contains(report.References, reference => reference == new PluginReference("kvmitest", null, PluginReferenceKind.Native, path));
        Assert.Contains(report.References, reference => reference == new PluginReference("libc", null, PluginReferenceKind.System, null));
        Assert.Contains(report.Probes, probe => probe == new PluginProbe(path, "native library 'kvmitest'"));
    }

    [Fact]
    public void A_deps_json_says_where_a_library_is()
    {
        _folder.Write($"plugins/native/runtimes/{Platform}/native/libkvmitest.so", Library(200));
        _folder.Write("plugins/native/Native.deps.json", System.Text.Encoding.UTF8.GetBytes($$"""
            { "runtimeTarget": { "name": ".NETCoreApp,Version=v10.0" }, "targets": { ".NETCoreApp,Version=v10.0": {
                "Native/1.0.0": { "runtime": { "Native.dll": {} }, "runtimeTargets": { "runtimes/{{Platform}}/native/libkvmitest.so": { "rid": "{{Platform}}", "assetType": "native" } } } } },
              "libraries": { "Native/1.0.0": { "type": "project", "serviceable": false, "sha512": "" } } }
            """));
        Assert.Equal(Decision.Set(200), Decide());
    }

    [Fact]
    public void The_same_library_is_loaded_once_over_reloads_and_another_build_of_it_anew()
    {
        var path = _folder.Write("plugins/native/libkvmitest.so", Library(300));
        Assert.Equal(Decision.Set(300), Decide());
        Assert.Equal(Decision.Set(301), Decide());

        // Overwritten in place, while it is in use.
        File.WriteAllBytes(path, Library(400));
        Assert.Equal(Decision.Set(400), Decide());
    }

    [Fact]
    public void A_library_that_is_replaced_after_the_load_is_not_the_one_that_runs()
    {
        var path = _folder.Write("plugins/native/libkvmitest.so", Library(500));
        var generation = Load();
        File.WriteAllText(path, "something else");
        Assert.Equal(Decision.Set(500), DecideCr(generation.Policies[0].Factory.Create(new RecordingServices()).Handlers[0], CrMessage(1, 2)));
        generation.Release();
    }

    [Fact]
    public void Two_plugins_with_the_same_library_do_not_share_its_variables()
    {
        _folder.Write("plugins/native/libkvmitest.so", Library(600));
        _folder.Write("plugins/other/Other.dll", TestAssembly.Build("Other", Source.Replace("\"native\"", "\"other\"", StringComparison.Ordinal)));
        _folder.Write("plugins/other/libkvmitest.so", Library(600));
        Assert.Equal(Decision.Set(600), Decide());
        Assert.Equal(Decision.Set(600), Decide("other"));
        Assert.Equal(Decision.Set(601), Decide());
    }

    [Fact]
    public void A_library_that_is_cut_anywhere_is_refused_and_never_mapped()
    {
        var whole = Library(700);
        var path = Path.Combine(_folder.Path, "plugins/native/libkvmitest.so");
        for (var length = 0; length < whole.Length; length += 499)
        {
            var flaw = ElfFile.FindFlaw(whole.AsSpan(0, length));
            if (flaw is null)
            {
                // Only what no segment holds is missing: section headers, symbols for debuggers.
                continue;
            }

            File.WriteAllBytes(path, whole[..length]);
            var finding = Assert.Single(Build("native").Findings);
            Assert.Equal("KP0504", finding.Code);
            Assert.Contains($"{path} cannot be loaded: {flaw}", finding.Message, StringComparison.Ordinal);
        }

        Assert.Null(ElfFile.FindFlaw(whole));
        Assert.NotNull(ElfFile.FindFlaw(whole.AsSpan(0, whole.Length / 4)));
    }

    [Fact]
    public void Mutated_headers_give_a_sentence_or_nothing()
    {
        var whole = Library(701);
        var random = new Random(7);
        for (var round = 0; round < 5000; round++)
        {
            var mutated = (byte[])whole.Clone();
            for (var i = 0; i < 4; i++)
            {
                mutated[random.Next(Math.Min(1024, mutated.Length))] = (byte)random.Next(256);
            }

            Assert.NotEqual("", ElfFile.FindFlaw(mutated));
        }
    }

    [Theory]
    [InlineData(18, 40, "it is for another processor (ELF machine 40")]
    [InlineData(4, 1, "it is no 64-bit shared library")]
    [InlineData(0, 0, "it is no ELF file")]
    public void A_library_of_another_kind_says_so(int offset, byte value, string flaw)
    {
        var library = Library(800);
        library[offset] = value;
        Assert.StartsWith(flaw, ElfFile.FindFlaw(library), StringComparison.Ordinal);
    }

    [Fact]
    public void Without_the_library_the_call_is_an_error_of_its_policy_and_the_report_names_every_place()
    {
        var factory = Load().Policies[0].Factory;
        var handler = factory.Create(new RecordingServices()).Handlers[0];
        Assert.Throws<DllNotFoundException>(() => DecideCr(handler, CrMessage(1, 2)));
        var report = Assert.Single(PluginReporter.Report(Discover(), new CollectiblePluginLoader()));
        foreach (var place in new[] { $"runtimes/{Platform}/native/libkvmitest.so", "libkvmitest.so", "kvmitest.so" })
        {
            Assert.Contains(report.Probes, probe => probe == new PluginProbe(Path.Combine(_folder.Path, "plugins/native", place), "not found"));
        }
    }

    [Fact]
    public void A_library_is_held_to_the_rules_for_files()
    {
        var path = _folder.Write("plugins/native/libkvmitest.so", Library(900));
        var rules = new PluginRules { Allowed = PluginDigestList.Parse("list", $"{Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(Path.Combine(_folder.Path, "plugins/native/Native.dll"))))}  Native.dll\n") };
        var result = Builder().Build([Plugin("p", "native", "P")], PluginSetLoader.Discover([Path.Combine(_folder.Path, "plugins")], rules), null);
        var finding = Assert.Single(result.Findings);
        Assert.Equal("KP0508", finding.Code);
        Assert.Contains(path, finding.Message, StringComparison.Ordinal);
    }

    private static byte[] Library(int first)
    {
        using var folder = new TemporaryFolder();
        var source = folder.Write("n.c", System.Text.Encoding.ASCII.GetBytes($"static unsigned long n = {first}; unsigned long next_number(void) {{ return n++; }}\n"));
        var library = Path.Combine(folder.Path, "n.so");
        try
        {
            using var gcc = Process.Start(new ProcessStartInfo("gcc", ["-shared", "-fPIC", "-O1", "-o", library, source]) { RedirectStandardError = true })!;
            var errors = gcc.StandardError.ReadToEnd();
            gcc.WaitForExit();
            Assert.True(gcc.ExitCode == 0, errors);
        }
        catch (System.ComponentModel.Win32Exception)
        {
            Assert.Skip("There is no gcc here to build a native library with.");
        }

        return File.ReadAllBytes(library);
    }

    private PluginCatalog Discover() => PluginSetLoader.Discover([Path.Combine(_folder.Path, "plugins")]);

    private GenerationBuildResult Build(string plugin) => Builder().Build([Plugin("p", plugin, "P")], Discover(), null);

    private Generation Load(string plugin = "native")
    {
        var result = Build(plugin);
        Assert.Empty(result.Findings);
        return result.Generation!;
    }

    private Decision Decide(string plugin = "native")
    {
        var generation = Load(plugin);
        var decision = DecideCr(generation.Policies[0].Factory.Create(new RecordingServices()).Handlers[0], CrMessage(1, 2));
        generation.Release();
        return decision;
    }
}
