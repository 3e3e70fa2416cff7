using Kvmi.Policy.Engine.Plugins;
using Kvmi.Policy.Engine.Tests.Scripting;

namespace Kvmi.Policy.Engine.Tests.Plugins;

/// <summary>What the load report says, above all about what cannot be loaded.</summary>
public sealed class PluginReporterTests : IDisposable
{
    private static readonly byte[] Library = TestAssembly.Build("Library", "[assembly: System.Reflection.AssemblyVersion(\"3.1.0.0\")] public static class Library { public static ulong Value => 1; }");
    private static readonly byte[] Main = TestAssembly.Build(
        "Main",
        """
        using System.Collections.Generic;
        using Kvmi.Policy;
        [assembly: PolicyPlugin("p")]
        namespace Own
        {
            public class B : PolicyBase { public Decision OnCr(CrEvent e) => Set(Library.Value); private Decision Not(int x) => Allow; public bool NorThis(CrEvent e) => true; }
            public class A : PolicyBase
            {
                private static Decision OnPf(PageFaultEvent e) => Decision.Allow;
                protected override void OnAttach() { Publish<IList<string>>(new List<string>()); Publish("one", new Thing()); }
            }
            public abstract class Neither : PolicyBase { }
            public sealed class Thing { static Thing() => throw new System.Exception("no code of a plugin is called"); }
            internal static class Start
            {
                [System.Runtime.CompilerServices.ModuleInitializer] internal static void Run() => System.AppContext.SetSwitch("kvmi.test.module-initializer", true);
            }
        }
        """,
        Library);

    private readonly TemporaryFolder _folder = new();
    private readonly string _main;
    private readonly string _library;

    public PluginReporterTests()
    {
        _main = _folder.Write("p/Main.dll", Main);
        _library = _folder.Write("p/Library.dll", Library);
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void It_lists_what_a_plugin_offers_and_needs_and_calls_none_of_its_code()
    {
        var report = Report();
        Assert.Null(report.Problem);
        Assert.Equal(["Own.A", "Own.B"], report.Policies);
        Assert.Equal([new("Own.A", "OnPf", "pf"), new("Own.B", "OnCr", "cr")], report.Handlers);
        Assert.Equal(["Own.Thing", "System.Collections.Generic.IList<String>"], report.Services);
        Assert.Empty(report.Sinks);
        Assert.Contains(report.References, reference => reference is { Name: "Kvmi.Policy.Abstractions", Kind: PluginReferenceKind.Shared, Path: null });
        Assert.Contains(report.References, reference => reference == new PluginReference("Library", new Version(3, 1, 0, 0), PluginReferenceKind.Private, _library));
        Assert.Contains(report.References, reference => reference is { Name: "System.Private.CoreLib", Kind: PluginReferenceKind.Host });
        Assert.Equal(
            [(Path.ChangeExtension(_main, ".deps.json"), "not found: private assemblies are looked for beside the plugin"), (_library, "Library, private")],
            report.Probes.Select(probe => (probe.Path, probe.Outcome)));
        Assert.False(AppContext.TryGetSwitch("kvmi.test.module-initializer", out _));
    }

    [Fact]
    public void A_missing_library_is_in_the_report_with_every_place()
    {
        File.Delete(_library);
        var report = Report();
        Assert.Equal("KP0504", report.Problem!.Code);
        Assert.Contains("Library 3.1.0.0, which is nowhere", report.Problem.Message, StringComparison.Ordinal);
        Assert.Contains(report.Probes, probe => probe == new PluginProbe(_library, "not found"));
    }

    [Fact]
    public void A_library_that_the_deps_json_does_not_name_is_not_the_plugins()
    {
        var deps = _folder.Write("p/Main.deps.json", System.Text.Encoding.UTF8.GetBytes("""
            { "runtimeTarget": { "name": "t" }, "targets": { "t": { "Main/1.0.0": { "runtime": { "Main.dll": {} } } } },
              "libraries": { "Main/1.0.0": { "type": "project", "serviceable": false, "sha512": "" } } }
            """));
        var report = Report();
        Assert.Contains($"{_library} (there, but the .deps.json does not name it)", report.Problem!.Message, StringComparison.Ordinal);
        Assert.Equal([(deps, "says where private assemblies are"), (_library, "Main.deps.json does not name it")], report.Probes.Select(probe => (probe.Path, probe.Outcome)));
    }

    [Fact]
    public void A_damaged_library_is_in_the_report()
    {
        File.WriteAllBytes(_library, Library[..^600]);
        Assert.Contains($"{_library} cannot be loaded: it is cut short", Report().Problem!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Restricted_code_is_refused_with_its_own_finding()
    {
        _folder.Write("q/Q.dll", TestAssembly.Build("Q", "[assembly: Kvmi.Policy.PolicyPlugin(\"q\")] public class P : Kvmi.Policy.PolicyBase { string S => System.IO.File.ReadAllText(\"x\"); }"));
        var catalog = PluginSetLoader.Discover([_folder.Path], new PluginRules { RestrictCode = true });
        Assert.Equal("KP0510", PluginReporter.Report(catalog, new CollectiblePluginLoader()).Single(report => report.Plugin.Id == "q").Problem!.Code);
    }

    private PluginReport Report() => Assert.Single(PluginReporter.Report(PluginSetLoader.Discover([_folder.Path]), new CollectiblePluginLoader()));
}
