using Kvmi.Policy.Engine.Findings;
using Kvmi.Policy.Engine.Scripting;

namespace Kvmi.Policy.Engine.Tests.Containment;

public sealed class ScriptAllowListTests
{
    private static readonly ScriptCompiler Compiler = new();

    [Theory]
    [InlineData("System.IO.File.ReadAllText(\"/etc/passwd\");", "System.IO.File.ReadAllText")]
    [InlineData("new System.IO.FileStream(\"x\", System.IO.FileMode.Open);", "new System.IO.FileStream")]
    [InlineData("new System.Threading.Thread(() => { }).Start();", "new System.Threading.Thread")]
    [InlineData("System.Threading.Thread.Sleep(1);", "System.Threading.Thread.Sleep")]
    [InlineData("System.Threading.Tasks.Task.Run(() => { });", "System.Threading.Tasks.Task.Run")]
    [InlineData("System.Threading.Tasks.Task.CompletedTask.Wait();", "System.Threading.Tasks.Task.Wait")]
    [InlineData("lock (Params) { }", "System.Threading.Monitor.Enter")]
    [InlineData("new System.Threading.Timer(_ => { });", "new System.Threading.Timer")]
    [InlineData("Environment.Exit(1);", "System.Environment.Exit")]
    [InlineData("Environment.FailFast(\"x\");", "System.Environment.FailFast")]
    [InlineData("var home = Environment.GetEnvironmentVariable(\"HOME\");", "System.Environment.GetEnvironmentVariable")]
    [InlineData("GC.Collect();", "System.GC.Collect")]
    [InlineData("var t = typeof(string).Assembly;", "System.Type.Assembly")]
    [InlineData("var t = Params.GetType();", "System.Object.GetType")]
    [InlineData("var o = Activator.CreateInstance<object>();", "System.Activator.CreateInstance")]
    [InlineData("var d = DateTime.UtcNow;", "System.DateTime.UtcNow")]
    [InlineData("var g = Guid.NewGuid();", "System.Guid.NewGuid")]
    [InlineData("var r = new Random();", "new System.Random")]
    [InlineData("Func<string, string> f = System.IO.File.ReadAllText; f(\"x\");", "System.IO.File.ReadAllText")]
    [InlineData("var s = System.Runtime.InteropServices.Marshal.AllocHGlobal(1);", "System.Runtime.InteropServices.Marshal.AllocHGlobal")]
    [InlineData("var x = 1; System.Runtime.CompilerServices.Unsafe.Add(ref x, 4);", "System.Runtime.CompilerServices.Unsafe.Add")]
    [InlineData("AppDomain.CurrentDomain.ProcessExit += (_, _) => { };", "System.AppDomain.CurrentDomain")]
    [InlineData("var w = new WeakReference(Params);", "new System.WeakReference")]
    [InlineData("var l = new System.Threading.AsyncLocal<int>();", "new System.Threading.AsyncLocal`1")]
    [InlineData("string.Intern(\"x\");", "System.String.Intern")]
    [InlineData("var b = System.Numerics.BigInteger.Pow(2, 1000000000);", "System.Numerics.BigInteger.Pow")]
    public void What_is_not_listed_is_refused_by_name_and_line(string statement, string member)
    {
        var finding = Assert.Single(
            Compile($"var before = 1;\n\n{statement}\n").Findings, finding => finding.Code == "KP0408" && finding.Message.Contains(member + ",", StringComparison.Ordinal));

        Assert.Equal(FindingSeverity.Error, finding.Severity);
        Assert.Equal("p.csx", finding.Location.File);
        Assert.Equal(3, finding.Location.Line);
    }

    [Theory]
    [InlineData("using F = System.IO.File;\nvar x = 1;\nF.Delete(\"x\");", 3)]
    [InlineData("void A() { }\n\nclass C { public string P => Environment.MachineName; }", 3)]
    [InlineData("var x = new int[] { 1 };\nvar y = x.Select(i =>\n    Environment.TickCount + i);", 3)]
    [InlineData("System.Collections.Generic.IEnumerable<int> I()\n{\n    yield return Environment.ProcessId;\n}", 3)]
    public void Aliases_classes_lambdas_and_iterators_hide_nothing(string text, int line)
    {
        var finding = Assert.Single(Compile("using System.Linq;\n" + text).Findings, finding => finding.Code == "KP0408");
        Assert.Equal(line + 1, finding.Location.Line);
    }

    [Theory]
    [InlineData("[System.Runtime.InteropServices.DllImport(\"libc\")] static extern int getpid();", "native code (getpid)")]
    [InlineData("class C { [System.Runtime.CompilerServices.UnsafeAccessor(System.Runtime.CompilerServices.UnsafeAccessorKind.Method, Name = \"X\")] extern static void X(string s); }", "UnsafeAccessorAttribute")]
    [InlineData("class C { [System.Runtime.CompilerServices.ModuleInitializer] internal static void X() { } }", "ModuleInitializerAttribute")]
    [InlineData("[System.Runtime.InteropServices.StructLayout(System.Runtime.InteropServices.LayoutKind.Explicit)] struct S { [System.Runtime.InteropServices.FieldOffset(0)] public string A; [System.Runtime.InteropServices.FieldOffset(0)] public int[] B; }", "by hand")]
    public void Ways_around_the_language_are_refused(string text, string words) =>
        Assert.Contains(Compile(text).Findings, finding => finding.Code == "KP0408" && finding.Message.Contains(words, StringComparison.Ordinal));

    [Fact]
    public void A_finding_says_what_to_use_instead()
    {
        var finding = Assert.Single(Compile("var d = DateTime.UtcNow;").Findings);
        Assert.Equal("the script uses System.DateTime.UtcNow, which scripts may not", finding.Message);
        Assert.Contains("Clock", finding.Hint, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("var roots = new Dictionary<ulong, (int Count, string Name)>(); roots[1] = (1, $\"{1:x}\"); foreach (var (k, v) in roots) { }")]
    [InlineData("var s = new System.Text.StringBuilder().Append(1).Append($\"{2,8:x}\").ToString(); var t = s.AsSpan().Trim().ToString();")]
    [InlineData("using System.Linq;\nvar n = Enumerable.Range(0, 9).Where(x => x > 2).Select(x => x * 2).ToList().Count;")]
    [InlineData("ulong F() { Span<byte> code = stackalloc byte[16]; return System.Buffers.Binary.BinaryPrimitives.ReadUInt64LittleEndian(code); }")]
    [InlineData("record struct Seen(ulong Root, int Times); var a = new Seen(1, 2) with { Times = 3 }; var t = a.ToString();")]
    [InlineData("IEnumerable<int> I() { for (var i = 0; i < 3; i++) yield return i; } foreach (var i in I()) { }")]
    [InlineData("int[] a = [1, 2, 3]; List<int> b = [..a, 4]; int F() { ReadOnlySpan<int> c = [1, 2]; return c[0]; } var d = a[1..]; var e = b is [1, .., 4];")]
    [InlineData("try { throw new InvalidOperationException(\"x\"); } catch (Exception e) when (e.Message.Length > 0) { }")]
    [InlineData("enum Kind { A, B } var k = Kind.A; var x = k switch { Kind.A => 1, _ => 2 }; var y = k.ToString(); DayOfWeek d = DayOfWeek.Friday; object o = d;")]
    [InlineData("var t = TimeSpan.FromSeconds(1); var u = ulong.TryParse(\"1\", System.Globalization.NumberStyles.HexNumber, System.Globalization.CultureInfo.InvariantCulture, out var v);")]
    [InlineData("Func<int, int> f = x => x + 1; Action g = () => f(1); g(); delegate int D(int x); D d = x => x;")]
    [InlineData("record Root(ulong Gpa) { public Root? Next { get; set; } } var a = new Root(1); var b = a == new Root(1) with { Gpa = 2 }; var t = a.ToString(); var h = a.GetHashCode();")]
    [InlineData("var p = (A: 1, B: \"x\"); var same = p == (1, \"x\"); var bits = System.Numerics.BitOperations.PopCount(3u); decimal m = 1.5m;")]
    public void Ordinary_code_compiles(string text) => Assert.Empty(Compile("using System.Collections.Generic;\n" + text).Findings);

    [Theory]
    [InlineData("void F(int n) { Span<byte> b = stackalloc byte[n]; }", true)]
    [InlineData("void F() { Span<byte> b = stackalloc byte[513]; }", true)]
    [InlineData("void F() { while (true) { Span<byte> b = stackalloc byte[16]; } }", true)]
    [InlineData("void F() { again: Span<byte> b = stackalloc byte[16]; goto again; }", true)]
    [InlineData("void F() { Span<byte> b = stackalloc byte[512]; }", false)]
    [InlineData("void F() { Span<int> b = stackalloc[] { 1, 2 }; for (var i = 0; i < 2; i++) b[i] = 0; }", false)]
    public void Stack_memory_is_bounded(string text, bool refused) =>
        Assert.Equal(refused, Compile(text).Findings.Any(finding => finding.Code == "KP0409"));

    [Fact]
    public void An_inline_script_is_reported_at_its_place_in_the_policy_file()
    {
        var result = Compiler.Compile(new("p", "policy.yaml", "\n\n\nGC.Collect();", 6), []);
        Assert.Equal("policy.yaml:4:7", Assert.Single(result.Findings).Location.ToString());
    }

    private static ScriptCompilation Compile(string text) => Compiler.Compile(new("p", "p.csx", text, 0), []);
}
