using Kvmi.Session.Endpoints;
using Kvmi.Session.Tests.Support;

namespace Kvmi.Session.Tests.Endpoints;

public sealed class SocketDirectoryTests : IDisposable
{
    private const UnixFileMode Everybody = (UnixFileMode)0x1FF;
    private readonly string _folder = Directory.CreateTempSubdirectory("kvmi").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_directory_that_others_write_to_is_refused()
    {
        File.SetUnixFileMode(_folder, Everybody);
        Assert.Contains($"the directory '{_folder}' has mode 0777", Refusal($"{_folder}/s"), StringComparison.Ordinal);
        Assert.False(File.Exists($"{_folder}/s"));
    }

    [Fact]
    public void A_directory_above_that_others_write_to_is_refused()
    {
        var below = Directory.CreateDirectory($"{_folder}/below").FullName;
        File.SetUnixFileMode(_folder, Everybody);
        Assert.Contains($"the directory '{_folder}' has mode 0777", Refusal($"{below}/s"), StringComparison.Ordinal);
    }

    [Fact]
    public void A_link_into_a_directory_that_others_write_to_is_refused()
    {
        var open = Directory.CreateDirectory($"{_folder}/open").FullName;
        File.SetUnixFileMode(open, Everybody);
        File.CreateSymbolicLink($"{_folder}/link", open);
        Assert.Contains("has mode 0777", Refusal($"{_folder}/link/s"), StringComparison.Ordinal);
    }

    [Fact]
    public void A_group_that_is_not_ours_is_one_of_the_others()
    {
        File.SetUnixFileMode(_folder, (UnixFileMode)0x1F8);
        using (EndpointListener.Open(KvmiEndpoint.Parse($"unix:{_folder}/s")))
        {
        }

        Chown(_folder, "0:65534");
        Assert.Contains("(group 65534)", Refusal($"{_folder}/s"), StringComparison.Ordinal);
    }

    [Fact]
    public void A_directory_of_another_user_is_refused()
    {
        Chown(_folder, "65534");
        Assert.Contains($"'{_folder}' belongs to user 65534, who can replace the socket", Refusal($"{_folder}/s"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_sticky_directory_is_taken_with_a_warning()
    {
        File.SetUnixFileMode(_folder, Everybody | UnixFileMode.StickyBit);
        var log = new LogSink();
        var options = new KvmiServerOptions { Endpoints = [KvmiEndpoint.Parse($"unix:{_folder}/s")] };
        await using var server = new KvmiServer(options, new TestHandler(), log, TimeProvider.System);
        server.Start();
        Assert.Contains("another program can take its place", Assert.Single(log.Warnings), StringComparison.Ordinal);
    }

    private static string Refusal(string path) =>
        Assert.Throws<KvmiEndpointException>(() => EndpointListener.Open(KvmiEndpoint.Parse("unix:" + path)).Dispose()).Message;

    private static void Chown(string path, string owner)
    {
        Assert.SkipUnless(Environment.UserName == "root", "Only root can give a directory away.");
        using var chown = System.Diagnostics.Process.Start("chown", [owner, path]);
        chown.WaitForExit();
        Assert.Equal(0, chown.ExitCode);
    }
}
