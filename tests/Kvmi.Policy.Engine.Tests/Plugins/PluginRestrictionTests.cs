using Kvmi.Policy.Engine.Findings;
using Kvmi.Policy.Engine.Generations;
using Kvmi.Policy.Engine.Plugins;
using Kvmi.Policy.Engine.Tests.Scripting;
using static Kvmi.Policy.Engine.Tests.Scripting.Policies;

namespace Kvmi.Policy.Engine.Tests.Plugins;

public sealed class PluginRestrictionTests : IDisposable
{
    private static readonly PluginRules Restricted = new() { RestrictCode = true };
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_shipped_plugin_passes()
    {
        var catalog = PluginSetLoader.Discover([Path.Combine(AppContext.BaseDirectory, "plugins")], Restricted);
        var result = Builder().Build([Plugin("p", "process-census", null)], catalog, null);
        Assert.DoesNotContain(result.Findings, finding => finding.Code == "KP0510");
        Assert.NotEmpty(catalog.Plugins);
    }

    [Theory]
    [InlineData("private readonly object _gate = new(); private int _n; private void Use() { lock (_gate) { System.Threading.Interlocked.Increment(ref _n); } }")]
    [InlineData("private readonly System.Threading.Lock _gate = new(); private void Use() { lock (_gate) { } }")]
    [InlineData("private static readonly System.Collections.Concurrent.ConcurrentDictionary<ulong, int> Seen = new(); private void Use() => Seen[1] = 2;")]
    [InlineData("private byte[] Use() => System.Security.Cryptography.SHA256.HashData(new byte[3]);")]
    public void Plugins_may_do_more_than_scripts(string member) => Assert.Empty(Build(member).Findings);

    [Theory]
    [InlineData("private string Use() => System.IO.File.ReadAllText(\"/etc/shadow\");", "uses System.IO.File.ReadAllText", "cannot use files")]
    [InlineData("private void Use() => new System.Threading.Thread(() => { }).Start();", "uses new System.Threading.Thread", "starts no threads")]
    [InlineData("private void Use() => System.Threading.Tasks.Task.Run(() => { });", "uses System.Threading.Tasks.Task.Run", "starts no threads")]
    [InlineData("private void Use() => System.Diagnostics.Process.Start(\"/bin/sh\");", "uses System.Diagnostics.Process.Start", "processes")]
    [InlineData("private object Use() => typeof(string).GetMethod(\"Intern\");", "uses System.Type.GetMethod", "no reflection")]
    [InlineData("private string Use() => System.Environment.MachineName;", "uses System.Environment.MachineName", "host")]
    [InlineData("[System.Runtime.InteropServices.DllImport(\"libc\")] private static extern int getpid(); private int Use() => getpid();", "calls native code (getpid)", "leave the runtime")]
    [InlineData("private unsafe void Use() { *(long*)0x1000 = 1; }", "System.Security.UnverifiableCodeAttribute", "no unsafe code")]
    public void What_reaches_out_of_the_process_is_refused_with_what_to_use(string member, string what, string hint)
    {
        var result = Build(member);
        Assert.Null(result.Generation);
        Assert.Contains(result.Findings, finding => finding.Code == "KP0510" && finding.Severity == FindingSeverity.Error
            && finding.Message.Contains(what, StringComparison.Ordinal) && finding.Hint!.Contains(hint, StringComparison.Ordinal));
    }

    [Fact]
    public void A_private_dependency_is_checked_as_well()
    {
        var helper = TestAssembly.Build("Helper", "public static class Helper { public static string Read() => System.IO.File.ReadAllText(\"x\"); }");
        _folder.Write("p/Helper.dll", helper);
        _folder.Write("p/Main.dll", TestAssembly.Build("Main", Source("private string Use() => Helper.Read();"), helper));
        var finding = Assert.Single(Build().Findings);
        Assert.Equal("plugin 'p' is restricted, and Helper.dll uses System.IO.File.ReadAllText", finding.Message);
    }

    [Fact]
    public void A_dependency_that_only_bears_the_name_of_a_framework_assembly_opens_no_door()
    {
        // References to "System.Net.Mail" would otherwise count as references to the plugin's own.
        var disguise = TestAssembly.Build("System.Net.Mail", "[assembly: System.Runtime.CompilerServices.TypeForwardedTo(typeof(System.IO.File))]");
        _folder.Write("p/System.Net.Mail.dll", disguise);
        _folder.Write("p/Main.dll", TestAssembly.Build("Main", Source("private object Use() => new System.Net.Mail.MailMessage();")));
        Assert.Contains(Build().Findings, finding => finding.Message.Contains("forwards types to other assemblies", StringComparison.Ordinal));
    }

    [Fact]
    public void What_opens_the_private_parts_of_the_host_is_refused()
    {
        var result = Build("", """
            namespace System.Runtime.CompilerServices { internal sealed class IgnoresAccessChecksToAttribute : System.Attribute { public IgnoresAccessChecksToAttribute(string name) { } } }
            """);
        Assert.Contains(result.Findings, finding => finding.Message.Contains("opens what other assemblies keep private", StringComparison.Ordinal));
    }

    [Fact]
    public void With_symbols_the_line_is_named()
    {
        var (image, symbols) = TestAssembly.BuildWithSymbols(
            "Main", Source("private string Use()\n => System.IO.File.ReadAllText(\"x\");"), "Census.cs");
        _folder.Write("p/Main.dll", image);
        _folder.Write("p/Main.pdb", symbols);
        var finding = Assert.Single(Build().Findings);
        Assert.Equal(("Census.cs", 3), (Path.GetFileName(finding.Location.File), finding.Location.Line));
    }

    private static string Source(string member, string more = "") =>
        $"[assembly: Kvmi.Policy.PolicyPlugin(\"p\")]\npublic class Census : Kvmi.Policy.PolicyBase {{ private Kvmi.Policy.Decision OnCr(Kvmi.Policy.CrEvent e) => Keep(e.Old); {member} }}\n{more}";

    private GenerationBuildResult Build(string member, string more = "")
    {
        _folder.Write("p/Main.dll", TestAssembly.Build("Main", Source(member, more)));
        return Build();
    }

    private GenerationBuildResult Build() =>
        Builder().Build([Plugin("policy", "p", "Census")], PluginSetLoader.Discover([_folder.Path], Restricted), null);
}
