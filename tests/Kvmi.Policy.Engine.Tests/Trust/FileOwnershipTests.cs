using Kvmi.Policy.Engine.Tests.Scripting;
using Kvmi.Policy.Engine.Trust;

namespace Kvmi.Policy.Engine.Tests.Trust;

public sealed class FileOwnershipTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly string _file;

    public FileOwnershipTests() => _file = _folder.Write("a/b/file", "x");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Own_files_below_a_sticky_directory_are_safe()
    {
        Assert.Null(Flaw(_file));
        Assert.Null(Flaw(At("a")));
        Assert.Null(Flaw(At("nothing/there")));
    }

    [Theory]
    [InlineData("a/b/file", 0x1B6, "/a/b/file' can be changed by others (mode 0666, group 0)")]
    [InlineData("a/b", 0x1FF, "/a/b' can be changed by others (mode 0777, group 0)")]
    [InlineData("a", 0x1FF, "/a' can be changed by others (mode 0777, group 0)")]
    [InlineData("a/b", 0x3FF, "everybody can put files into '")]
    public void What_others_may_write_is_named(string place, int mode, string message)
    {
        File.SetUnixFileMode(At(place), (UnixFileMode)mode);
        Assert.Contains(message, Flaw(_file), StringComparison.Ordinal);
    }

    [Fact]
    public void A_sticky_directory_above_is_safe_and_one_that_is_asked_about_is_not()
    {
        File.SetUnixFileMode(At("a"), Others.Everybody | UnixFileMode.StickyBit);
        Assert.Null(Flaw(_file));
        Assert.Contains("everybody can put files into", Flaw(At("a")), StringComparison.Ordinal);
    }

    [Fact]
    public void The_own_group_may_write_and_another_may_not()
    {
        File.SetUnixFileMode(_file, (UnixFileMode)0x1B0);
        Assert.Null(Flaw(_file));
        Others.Own(_file, "0:65534");
        Assert.Contains("(mode 0660, group 65534)", Flaw(_file), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a/b/file")]
    [InlineData("a/b")]
    [InlineData("a")]
    public void Another_owner_is_named(string place)
    {
        Others.Own(At(place), "65534");
        Assert.Contains($"'{At(place)}' belongs to user 65534", Flaw(_file), StringComparison.Ordinal);
    }

    [Fact]
    public void Links_are_followed_and_have_owners_themselves()
    {
        File.SetUnixFileMode(At("a/b"), Others.Everybody);
        File.CreateSymbolicLink(At("link"), _file);
        Assert.Contains("/a/b' can be changed by others", Flaw(At("link")), StringComparison.Ordinal);

        File.SetUnixFileMode(At("a/b"), (UnixFileMode)0x1ED);
        Assert.Null(Flaw(At("link")));
        Directory.CreateSymbolicLink(At("folder"), "a/b");
        Assert.Null(Flaw(At("folder/file")));
        Others.Own(At("folder"), "65534");
        Assert.Contains("/folder' belongs to user 65534", Flaw(At("folder/file")), StringComparison.Ordinal);
    }

    [Fact]
    public void A_circle_of_links_ends()
    {
        File.CreateSymbolicLink(At("one"), At("two"));
        File.CreateSymbolicLink(At("two"), At("one"));
        Assert.Contains("more than 40 links", Flaw(At("one")), StringComparison.Ordinal);
    }

    private static string? Flaw(string path) => FileOwnership.OfThisProcess.FindFlaw(path);

    private string At(string name) => Path.Combine(_folder.Path, name);
}
