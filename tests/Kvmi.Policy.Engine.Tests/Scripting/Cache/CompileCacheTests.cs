using Kvmi.Policy.Engine.Code;
using Kvmi.Policy.Engine.Generations;
using Kvmi.Policy.Engine.Plugins;
using Kvmi.Policy.Engine.Scripting;
using Kvmi.Policy.Engine.Scripting.Cache;
using static Kvmi.Policy.Engine.Tests.Scripting.Policies;

namespace Kvmi.Policy.Engine.Tests.Scripting.Cache;

public sealed class CompileCacheTests : IDisposable
{
    private const string Text = "var seen = State.Set<ulong>(\"seen\", 16);\nDecision OnCr(CrEvent e) => seen.Add(e.New) ? Allow : Keep(e.Old);\n";

    private readonly CacheRig _rig = new();

    public void Dispose() => _rig.Dispose();

    [Fact]
    public void What_one_process_compiled_the_next_one_finds()
    {
        var first = _rig.Compile(Text);
        var second = _rig.Compile(Text);
        Assert.False(first.FromCache);
        Assert.True(second.FromCache);
        AssertSame(first.Script!, second.Script!);
        Assert.Empty(_rig.Warnings);
    }

    [Fact]
    public void The_compilers_warnings_are_shown_again()
    {
        const string Careless = "Decision OnCr(CrEvent e)\n{\n    int forgotten = 1;\n    return Allow;\n}\n";
        var first = _rig.Compile(Careless);
        var second = _rig.Compile(Careless);
        Assert.True(second.FromCache);
        Assert.Equal("CS0219", Assert.Single(second.Findings).Code);
        Assert.Equal(3, second.Findings[0].Location.Line);
        Assert.Equal(first.Findings, second.Findings);
    }

    [Fact]
    public void A_kept_script_is_metered_and_says_where_it_threw()
    {
        const string Endless = "Decision OnCr(CrEvent e) => Allow;\nulong n = 0;\nwhile (true) n++;\n";
        const string Thrower = "Decision OnCr(CrEvent e) => Allow;\n\nthrow new InvalidOperationException(\"on purpose\");\n";
        foreach (var (text, message) in new[] { (Endless, "p.csx:3:1: "), (Thrower, "on purpose") })
        {
            var compiled = Failure(text, cached: 0);
            Assert.Contains(message, compiled, StringComparison.Ordinal);
            Assert.Contains("p.csx:3:1: ", compiled, StringComparison.Ordinal);
            Assert.Equal(compiled, Failure(text, cached: 1));
        }

        string Failure(string text, int cached)
        {
            var builder = new GenerationBuilder(_rig.Compiler(), new CollectiblePluginLoader(), TimeProvider.System);
            var built = builder.Build([Script("p", _rig.Write("p/p.csx", text), On(Kvmi.Protocol.EventKind.Cr, "OnCr"))], PluginCatalog.Empty, null);
            Assert.Equal((1 - cached, cached), (built.Timings.Compiled, built.Timings.Cached));
            var error = Assert.Throws<PolicyInitializationException>(() => built.Generation!.Policies[0].Factory.Create(new RecordingServices()));
            built.Generation!.Release();
            return error.Message;
        }
    }

    [Fact]
    public void A_script_with_errors_is_not_kept()
    {
        Assert.Null(_rig.Compile("Decision OnCr(CrEvent e) => Nothing;").Script);
        Assert.Null(_rig.Compile("Decision OnCr(CrEvent e) { System.IO.File.Delete(\"x\"); return Allow; }").Script);
        Assert.Empty(_rig.Kept);
    }

    [Fact]
    public void Another_text_path_id_or_indent_is_another_script()
    {
        _rig.Compile(Text);
        var path = _rig.Write("p/p.csx", Text);
        Assert.False(_rig.Compile(Text + "// changed\n").FromCache);
        Assert.False(_rig.Compile(Text, "q/p.csx").FromCache);
        Assert.False(_rig.Compiler().Compile(new("another", path, Text, 0), []).FromCache);
        Assert.False(_rig.Compiler().Compile(new("p", path, Text, 4), []).FromCache);
        Assert.True(_rig.Compiler().Compile(new("p", path, Text, 0), []).FromCache);
    }

    [Fact]
    public void Another_build_of_a_plugin_is_another_script()
    {
        var image = File.ReadAllBytes(typeof(PolicyBase).Assembly.Location);
        Assert.False(_rig.Compile(Text, "p/p.csx", new ScriptPluginReference(image, "aa", "x")).FromCache);
        Assert.True(_rig.Compile(Text, "p/p.csx", new ScriptPluginReference(image, "aa", "x")).FromCache);
        Assert.False(_rig.Compile(Text, "p/p.csx", new ScriptPluginReference(image, "bb", "x")).FromCache);
        Assert.False(_rig.Compile(Text).FromCache);
    }

    [Fact]
    public void A_file_that_is_loaded_counts_with_its_text_and_its_place()
    {
        const string Loading = "#load \"shared.csx\"\nDecision OnCr(CrEvent e) => IsGood(e.New) ? Allow : Keep(e.Old);\n";
        const string Shared = "static bool IsGood(ulong value) => value != 0;\n";
        var shared = _rig.Write("p/shared.csx", Shared);
        Assert.False(_rig.Compile(Loading).FromCache);
        Assert.True(_rig.Compile(Loading).FromCache);
        _rig.Write("p/shared.csx", Shared + "// changed\n");
        Assert.False(_rig.Compile(Loading).FromCache);
        Assert.True(_rig.Compile(Loading).FromCache);

        // The same text, but from outside the folder: what the compiler would refuse, the cache does not let in.
        var outside = _rig.Write("outside.csx", Shared + "// changed\n");
        File.Delete(shared);
        File.CreateSymbolicLink(shared, outside);
        var refused = _rig.Compile(Loading);
        Assert.Null(refused.Script);
        Assert.Equal(CodeFindings.LoadDirective, refused.Findings[0].Code);

        File.Delete(shared);
        Assert.Null(_rig.Compile(Loading).Script);
    }

    [Fact]
    public void A_file_that_is_damaged_anywhere_is_compiled_anew()
    {
        var good = _rig.Compile(Text).Script!;
        var file = Assert.Single(_rig.Kept);
        var bytes = File.ReadAllBytes(file);
        var step = bytes.Length / 40;
        for (var place = 0; place < bytes.Length; place += place < 40 ? 1 : step)
        {
            var damaged = (byte[])bytes.Clone();
            damaged[place] ^= 0x10;
            AssertRefused(damaged);
        }

        for (var length = 0; length < bytes.Length; length += length < 40 ? 1 : step)
            AssertRefused(bytes[..length]);

        AssertRefused([.. bytes, 0]);
        File.WriteAllBytes(file, bytes[..^1]);
        var again = _rig.Compile(Text);
        Assert.False(again.FromCache);
        AssertSame(good, again.Script!);
        Assert.Equal(bytes, File.ReadAllBytes(file));
        Assert.Contains(_rig.Remarks, remark => remark.Contains("its hash is wrong", StringComparison.Ordinal));
        Assert.Empty(_rig.Warnings);

        void AssertRefused(byte[] content)
        {
            var name = Path.GetFileNameWithoutExtension(file);
            Assert.Null(CachedScriptFormat.Read(content, name, File.ReadAllBytes(Path.Combine(_rig.Directory, "key")), out var problem));
            Assert.NotEmpty(problem);
        }
    }

    [Fact]
    public void A_file_under_another_name_or_of_another_key_is_compiled_anew()
    {
        _rig.Compile(Text);
        var first = Assert.Single(_rig.Kept);
        var other = Text + "// another\n";
        _rig.Compile(other);
        var second = _rig.Kept.Single(file => file != first);
        File.Copy(first, second, overwrite: true);
        Assert.False(_rig.Compile(other).FromCache);

        File.WriteAllBytes(Path.Combine(_rig.Directory, "key"), new byte[32]);
        Assert.False(_rig.Compile(Text).FromCache);
        Assert.True(_rig.Compile(Text).FromCache);
    }

    [Fact]
    public void A_file_that_is_too_large_is_not_read()
    {
        _rig.Compile(Text);
        using (var file = new FileStream(Assert.Single(_rig.Kept), FileMode.Open))
            file.SetLength(1L << 32);

        Assert.False(_rig.Compile(Text).FromCache);
        Assert.Contains(_rig.Remarks, remark => remark.Contains("4294967296 bytes", StringComparison.Ordinal));
        Assert.True(_rig.Compile(Text).FromCache);
    }

    [Fact]
    public void The_oldest_go_when_there_is_too_much()
    {
        _rig.Compile(Text);
        var oldest = Assert.Single(_rig.Kept);
        var size = new FileInfo(oldest).Length;
        File.SetLastWriteTimeUtc(oldest, TimeProvider.System.GetUtcNow().UtcDateTime.AddDays(-2));
        var compiler = _rig.Compiler(maxBytes: size * 5);
        for (var i = 0; i < 4; i++)
        {
            var text = $"{Text}// {i}\n";
            compiler.Compile(new("p", _rig.Write("p/p.csx", text), text, 0), []);
        }

        Assert.True(_rig.Kept.Sum(file => new FileInfo(file).Length) <= size * 5);
        Assert.DoesNotContain(oldest, _rig.Kept);
        Assert.NotEmpty(_rig.Kept);
    }

    [Fact]
    public void What_was_used_lately_is_not_old()
    {
        var past = TimeProvider.System.GetUtcNow().UtcDateTime.AddDays(-2);
        _rig.Compile(Text);
        var file = Assert.Single(_rig.Kept);
        File.SetLastWriteTimeUtc(file, past);
        Assert.True(_rig.Compile(Text).FromCache);
        Assert.True(File.GetLastWriteTimeUtc(file) > past.AddDays(1));
    }

    [Fact]
    public async Task Many_at_once_never_get_each_others_halves()
    {
        // Every compiler is a process of its own, the limit makes them remove each other's files, and all begin without a key.
        var texts = Enumerable.Range(0, 6).Select(i => $"{Text}// {i}\n").ToArray();
        for (var i = 0; i < texts.Length; i++)
            _rig.Write($"p{i}/p.csx", texts[i]);

        var folder = Path.GetDirectoryName(_rig.Directory)!;
        var tasks = Enumerable.Range(0, 8).Select(_ => Task.Run(() =>
        {
            for (var round = 0; round < 6; round++)
            {
                var compiler = _rig.Compiler(maxBytes: 40_000);
                for (var i = 0; i < texts.Length; i++)
                {
                    var source = new ScriptSource("p", Path.Combine(folder, $"p{i}", "p.csx"), texts[i], 0);
                    var script = compiler.Compile(source, []).Script;
                    Assert.NotNull(script);
                    Assert.Equal(source.Path, script.Path);
                }
            }
        }));
        await Task.WhenAll(tasks);
        Assert.Empty(_rig.Warnings);
        Assert.Empty(_rig.Remarks);
        Assert.Empty(Directory.GetFiles(_rig.Directory, "*.new"));
    }

    private static void AssertSame(CompiledScript expected, CompiledScript actual)
    {
        Assert.Equal(expected.Image, actual.Image);
        Assert.Equal(expected.Symbols, actual.Symbols);
        Assert.Equal((expected.Path, expected.TypeName, expected.EntryPoint), (actual.Path, actual.TypeName, actual.EntryPoint));
        Assert.Equal(expected.Warnings, actual.Warnings);
        Assert.Equal(expected.LoadedTexts, actual.LoadedTexts);
        Assert.Equal(
            expected.Methods.Select(method => (method.Name, method.ReturnType, string.Join(',', method.ParameterTypes), method.IsGeneric, method.Location)),
            actual.Methods.Select(method => (method.Name, method.ReturnType, string.Join(',', method.ParameterTypes), method.IsGeneric, method.Location)));
    }
}
