using Kvmi.Policy.Engine.Scripting.Cache;
using Kvmi.Policy.Engine.Tests.Trust;

namespace Kvmi.Policy.Engine.Tests.Scripting.Cache;

/// <summary>Whose directory it is: what is in it is code that this process runs.</summary>
public sealed class CacheTrustTests : IDisposable
{
    private const string Text = "Decision OnCr(CrEvent e) => Keep(e.Old);\n";
    private const UnixFileMode OwnerAlone = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    private readonly CacheRig _rig = new();

    public void Dispose() => _rig.Dispose();

    [Fact]
    public void Everything_is_made_for_the_owner_alone()
    {
        _rig.Compile(Text);
        Assert.Equal(OwnerAlone, File.GetUnixFileMode(_rig.Directory));
        var files = Directory.GetFiles(_rig.Directory);
        Assert.Equal(2, files.Length);
        Assert.All(files, file => Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file)));
    }

    [Theory]
    [InlineData(0x1C0 | 0x10)]
    [InlineData(0x1C0 | 0x2)]
    [InlineData(0x1C0 | 0x38)]
    [InlineData(0x1FF)]
    [InlineData(0x3FF)]
    public void A_directory_that_others_have_access_to_is_not_used_and_that_is_said_once(int mode)
    {
        Assert.False(_rig.Compile(Text).FromCache);
        File.SetUnixFileMode(_rig.Directory, (UnixFileMode)mode);
        AssertUnused($"others have access to '{_rig.Directory}'");
    }

    [Fact]
    public void A_directory_of_somebody_else_is_not_used()
    {
        _rig.Compile(Text);
        Others.Own(_rig.Directory, "65534");
        AssertUnused("belongs to user 65534");
    }

    [Fact]
    public void A_directory_that_somebody_else_can_replace_is_not_used()
    {
        _rig.Compile(Text);
        File.SetUnixFileMode(Path.GetDirectoryName(_rig.Directory)!, Others.Everybody);
        AssertUnused("can be changed by others (mode 0777");
    }

    [Fact]
    public void A_link_to_a_directory_is_not_used()
    {
        _rig.Compile(Text);
        var elsewhere = _rig.Directory + "-elsewhere";
        Directory.Move(_rig.Directory, elsewhere);
        Directory.CreateSymbolicLink(_rig.Directory, elsewhere);
        AssertUnused("is a link");
    }

    [Fact]
    public void A_key_that_others_can_read_is_not_used()
    {
        _rig.Compile(Text);
        File.SetUnixFileMode(Path.Combine(_rig.Directory, "key"), (UnixFileMode)0x1A4);
        AssertUnused("others have access to '");
    }

    [Fact]
    public void A_key_of_somebody_else_is_not_used()
    {
        _rig.Compile(Text);
        Others.Own(Path.Combine(_rig.Directory, "key"), "65534");
        AssertUnused("belongs to user 65534");
    }

    [Theory]
    [InlineData(0)]
    [InlineData(31)]
    [InlineData(33)]
    public void A_damaged_key_is_not_used(int length)
    {
        _rig.Compile(Text);
        File.WriteAllBytes(Path.Combine(_rig.Directory, "key"), new byte[length]);
        AssertUnused("key");
    }

    [Fact]
    public void One_that_cannot_be_made_is_a_warning_only_when_it_was_asked_for()
    {
        var file = _rig.Write("file", "");
        var source = new Engine.Scripting.ScriptSource("p", _rig.Write("p/p.csx", Text), Text, 0);
        foreach (var (isDefault, warnings, remarks) in new[] { (true, 0, 1), (false, 1, 1) })
        {
            var cache = new CompileCache(Path.Combine(file, "cache"), _rig, TimeProvider.System) { IsDefault = isDefault };
            Assert.NotNull(new Engine.Scripting.ScriptCompiler(cache).Compile(source, []).Script);
            Assert.Equal((warnings, remarks), (_rig.Warnings.Count, _rig.Remarks.Count));
        }
    }

    [Fact]
    public void One_that_cannot_be_written_to_is_one_warning()
    {
        var compiler = _rig.Compiler();
        for (var i = 0; i < 3; i++)
        {
            var text = $"{Text}// {i}\n";
            Assert.NotNull(compiler.Compile(new("p", _rig.Write("p/p.csx", text), text, 0), []).Script);
            if (Directory.Exists(_rig.Directory))
                Directory.Delete(_rig.Directory, recursive: true);
        }

        Assert.Contains("cannot be kept", Assert.Single(_rig.Warnings), StringComparison.Ordinal);
    }

    private void AssertUnused(string reason)
    {
        var before = Directory.GetFiles(_rig.Directory).ToDictionary(file => file, File.ReadAllBytes);
        var compiler = _rig.Compiler();
        foreach (var text in new[] { Text, Text + "// another\n" })
        {
            var result = compiler.Compile(new("p", _rig.Write("p/p.csx", text), text, 0), []);
            Assert.NotNull(result.Script);
            Assert.False(result.FromCache);
        }

        var warning = Assert.Single(_rig.Warnings);
        Assert.Contains(reason, warning, StringComparison.Ordinal);
        Assert.Contains("--compile-cache", warning, StringComparison.Ordinal);
        Assert.Equal(before, Directory.GetFiles(_rig.Directory).ToDictionary(file => file, File.ReadAllBytes));
    }
}
