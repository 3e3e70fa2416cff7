using System.Net.Sockets;
using Kvmi.Session.Endpoints;
using Kvmi.Session.Tests.Support;
using Microsoft.Extensions.Logging;

namespace Kvmi.Session.Tests.Endpoints;

public sealed class PeerCredentialTests
{
    private const UnixFileMode Enter = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.OtherExecute;

    [Fact]
    public async Task Another_user_is_closed_before_a_byte_is_read_and_counted()
    {
        await using var server = Open(options => options with { SocketGroup = OtherUser.Id });
        using var peer = OtherUser.Run(() => new FakePeer(server.Path));
        Assert.True(peer.IsClosedByTool());
        var line = server.WaitForWarning("is refused: process");
        Assert.Contains(
            $"process {Environment.ProcessId} of user 65534 (group 65534) is neither root's nor this tool's. --allow-uid 65534", line, StringComparison.Ordinal);
        Assert.Equal(1, server.Server.UsersRefused);
        Assert.Empty(server.Arrived);

        // The listener goes on for those who may.
        using var own = FakePeer.Attached(server.Path);
        TestServer.Until(() => server.Arrived.Count == 1, "no VM attached");
        Assert.Equal(1, server.Server.UsersRefused);
    }

    [Fact]
    public async Task A_named_user_is_let_in()
    {
        await using var server = Open(options => options with { SocketGroup = OtherUser.Id, AllowedUsers = [OtherUser.Id] });
        Assert.Equal(
            UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.GroupWrite, File.GetUnixFileMode(server.Path));
        using var peer = OtherUser.Run(() => FakePeer.Attached(server.Path));
        TestServer.Until(() => server.Arrived.Count == 1, "no VM attached");
        Assert.Equal(0, server.Server.UsersRefused);
        Assert.Empty(server.Log.Warnings);
    }

    [Fact]
    public async Task Without_a_group_the_file_itself_keeps_others_out()
    {
        await using var server = Open(options => options with { AllowedUsers = [OtherUser.Id] });
        var error = Assert.Throws<SocketException>(() => OtherUser.Run(() => new FakePeer(server.Path)));
        Assert.Equal(SocketError.AccessDenied, error.SocketErrorCode);
        server.WaitForWarning("Give it a group too (--socket-group");
    }

    [Fact]
    public async Task A_flood_of_refusals_does_not_fill_the_log()
    {
        await using var server = Open(options => options with { SocketGroup = OtherUser.Id });
        _ = OtherUser.Run(() =>
        {
            for (var round = 0; round < 40; round++)
            {
                using var peer = new FakePeer(server.Path);
                Assert.True(peer.IsClosedByTool());
            }

            return true;
        });
        TestServer.Until(() => server.Server.UsersRefused == 40, "not all were refused");
        TestServer.Until(() => server.Log.Warnings.Count() >= 12, "the refusals are not logged");
        Assert.Equal([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 16, 32], server.Log.Warnings.Select(RefusalNumber));
    }

    [Theory]
    [InlineData(false, LogLevel.Warning, "no cookie is set")]
    [InlineData(true, LogLevel.Information, "one is set")]
    public async Task Tcp_says_that_nobody_is_asked_who_he_is(bool cookie, LogLevel level, string part)
    {
        var log = new LogSink();
        var options = new KvmiServerOptions
        {
            Endpoints = [KvmiEndpoint.Parse("tcp:127.0.0.1:0")],
            CookieSecret = cookie ? "secret"u8.ToArray() : default(ReadOnlyMemory<byte>),
        };
        await using var server = new KvmiServer(options, new TestHandler(), log, TimeProvider.System);
        server.Start();
        Assert.Contains(log.Lines, line => line.Level == level && line.Text.Contains(part, StringComparison.Ordinal));
    }

    private static int RefusalNumber(string line) =>
        int.Parse(line.AsSpan(line.IndexOf("(Refusal ", StringComparison.Ordinal) + 9).ToString().Split(';')[0], System.Globalization.CultureInfo.InvariantCulture);

    private static TestServer Open(Func<KvmiServerOptions, KvmiServerOptions> configure)
    {
        Assert.SkipUnless(Environment.UserName == "root", "Only root can give the socket to another group and act as another user.");
        var server = new TestServer(new TestHandler(), configure);
        File.SetUnixFileMode(Path.GetDirectoryName(server.Path)!, Enter);
        return server;
    }
}
