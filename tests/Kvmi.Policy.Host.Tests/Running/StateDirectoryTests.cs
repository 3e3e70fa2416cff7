using System.Runtime.Versioning;
using Kvmi.Policy.Host.CommandLine;
using Kvmi.Policy.Host.Doctor.Facts;
using Kvmi.Policy.Host.Running;
using Kvmi.Policy.Host.Tests.Commands;

namespace Kvmi.Policy.Host.Tests.Running;

[SupportedOSPlatform("linux")]
public sealed class StateDirectoryTests
{
    [Fact]
    public void A_given_one_is_made_for_its_owner_alone()
    {
        using var directory = new TestDirectory();
        var path = StateDirectory.Prepare(Path.Combine(directory.Path, "a", "b"));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(path));
        Assert.Equal(path, StateDirectory.Prepare(path));
    }

    [Fact]
    public void One_that_others_can_enter_is_refused_with_what_to_do()
    {
        using var directory = new TestDirectory();
        File.SetUnixFileMode(directory.Path, (UnixFileMode)0b111_101_101);
        var error = Assert.Throws<HostEnvironmentException>(() => StateDirectory.Prepare(directory.Path));
        Assert.Contains("chmod 0700", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void One_that_belongs_to_somebody_else_is_refused() =>
        Assert.Contains("belongs to user 7", StateDirectory.FindFlaw(new FileFacts(FileKind.Directory, 0b111_000_000, 7), 1000), StringComparison.Ordinal);

    [Fact]
    public void One_in_a_directory_that_others_write_to_is_refused()
    {
        using var directory = new TestDirectory();
        var path = StateDirectory.Prepare(Path.Combine(directory.Path, "state"));
        File.SetUnixFileMode(directory.Path, (UnixFileMode)0b111_111_111);
        var error = Assert.Throws<HostEnvironmentException>(() => StateDirectory.Prepare(path));
        Assert.Contains($"'{directory.Path}' can be changed by others (mode 0777", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_link_counts_as_what_it_leads_to()
    {
        using var directory = new TestDirectory();
        using var open = new TestDirectory();
        var link = Path.Combine(directory.Path, "link");
        Directory.CreateSymbolicLink(link, open.Path);
        Assert.Equal(link, StateDirectory.Prepare(link));
        File.SetUnixFileMode(open.Path, (UnixFileMode)0b111_111_111);
        Assert.Throws<HostEnvironmentException>(() => StateDirectory.Prepare(link));
    }

    [Fact]
    public void A_file_is_no_state_directory()
    {
        using var directory = new TestDirectory();
        Assert.Throws<HostEnvironmentException>(() => StateDirectory.Prepare(directory.Write("file", "")));
    }
}
