using Kvmi.Policy.Host.Doctor;
using Kvmi.Policy.Host.Doctor.Checks;
using Kvmi.Policy.Host.Doctor.Facts;
using Kvmi.Session.Endpoints;

namespace Kvmi.Policy.Host.Tests.Doctor;

public sealed class EndpointCheckTests
{
    private const string Folder = "/run/kvmi";
    private const string Cookie = "/etc/kvmi/cookie";
    private static readonly DoctorOptions Listening = new() { Listen = [KvmiEndpoint.Parse("unix:/run/kvmi/kvmi.sock")] };
    private static readonly DoctorOptions Connecting = new() { Connect = [KvmiEndpoint.Parse("unix:/run/kvmi/kvmi.sock")] };
    private static readonly DoctorOptions WithCookie = new() { CookieFile = Cookie };

    private readonly FakeHost _host = new();

    [Fact]
    public void An_endpoint_that_can_be_listened_on_says_who_may_connect()
    {
        var finding = _host.FindOne<ListenCheck>(Listening);
        Assert.Equal(DoctorStatus.Ok, finding.Status);
        Assert.Contains("only kvmi and root can connect", finding.Found, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(FileKind.Absent, "does not exist")]
    [InlineData(FileKind.Hidden, "may not look")]
    [InlineData(FileKind.File, "is no directory")]
    internal void A_directory_that_cannot_be_used_is_a_failure_and_the_only_finding(FileKind kind, string part)
    {
        _host.Files[Folder] = new FileFacts(kind);
        var finding = _host.FindOne<ListenCheck>(Listening);
        Assert.Equal(DoctorStatus.Failure, finding.Status);
        Assert.Contains(part, finding.Found, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0x1FFu, 0u, true)]
    [InlineData(0x1F8u, 0u, true)]
    [InlineData(0x3FFu, 0u, false)]
    [InlineData(0x1EDu, 0u, false)]
    [InlineData(0x1EDu, 77u, true)]
    public void A_directory_in_which_others_can_replace_the_socket_is_warned_of(uint mode, uint owner, bool isWarned)
    {
        _host.Files[Folder] = new FileFacts(FileKind.Directory, mode, owner);
        var findings = _host.Find<ListenCheck>(Listening);
        Assert.Equal(isWarned, findings.Any(finding => finding.Status == DoctorStatus.Warning && finding.Found.Contains("can replace the socket", StringComparison.Ordinal)));
        Assert.Equal(DoctorStatus.Ok, findings[^1].Status);
    }

    [Fact]
    public void An_endpoint_that_cannot_be_listened_on_is_a_failure_in_the_sessions_words()
    {
        _host.ListenProblem = "Cannot listen on unix:/run/kvmi/kvmi.sock: another program listens there.";
        var finding = _host.FindOne<ListenCheck>(Listening);
        Assert.Equal((DoctorStatus.Failure, _host.ListenProblem), (finding.Status, finding.Found));
    }

    [Fact]
    public void Before_a_wait_the_endpoint_is_left_to_the_wait()
    {
        _host.ListenProblem = "must not be asked";
        Assert.Empty(_host.Find<ListenCheck>(Listening with { Wait = TimeSpan.FromSeconds(1) }));
    }

    [Theory]
    [InlineData(FileKind.Absent, "There is no socket")]
    [InlineData(FileKind.Hidden, "may not look")]
    [InlineData(FileKind.File, "is no socket")]
    internal void A_path_without_a_tool_is_a_failure(FileKind kind, string part)
    {
        _host.Files["/run/kvmi/kvmi.sock"] = new FileFacts(kind);
        var finding = _host.FindOne<ConnectCheck>(Connecting);
        Assert.Equal(DoctorStatus.Failure, finding.Status);
        Assert.Contains(part, finding.Found, StringComparison.Ordinal);
    }

    [Fact]
    public void A_tool_that_takes_the_connection_is_fine_and_one_that_refuses_is_not()
    {
        _host.Files["/run/kvmi/kvmi.sock"] = new FileFacts(FileKind.Socket, 0x180, 1000);
        Assert.Equal(DoctorStatus.Ok, _host.FindOne<ConnectCheck>(Connecting).Status);
        _host.ConnectProblem = "Connection refused";
        var finding = _host.FindOne<ConnectCheck>(Connecting);
        Assert.Equal(DoctorStatus.Failure, finding.Status);
        Assert.Contains("Connection refused", finding.Found, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(FileKind.Absent, 0, "There is no cookie file")]
    [InlineData(FileKind.Hidden, 0, "may not look")]
    [InlineData(FileKind.Directory, 0, "no plain file")]
    [InlineData(FileKind.File, 0, "has 0 bytes")]
    [InlineData(FileKind.File, 4097, "has 4097 bytes")]
    [InlineData(FileKind.File, 4, "may not read")]
    internal void A_cookie_file_that_cannot_be_used_is_a_failure(FileKind kind, long size, string part)
    {
        _host.Files[Cookie] = new FileFacts(kind, 0x100, 0, size);
        var finding = _host.FindOne<CookieCheck>(WithCookie);
        Assert.Equal(DoctorStatus.Failure, finding.Status);
        Assert.Contains(part, finding.Found, StringComparison.Ordinal);
    }

    [Fact]
    public void A_cookie_file_that_others_can_read_is_a_failure_as_in_run()
    {
        _host.Files[Cookie] = new FileFacts(FileKind.File, 0x1A4, 1000, 4);
        _host.Contents[Cookie] = [.. "some"u8];
        var findings = _host.Find<CookieCheck>(WithCookie);
        Assert.Equal([DoctorStatus.Failure, DoctorStatus.Ok], findings.Select(finding => finding.Status));
        Assert.Contains("mode 0644", findings[0].Found, StringComparison.Ordinal);
    }

    [Fact]
    public void A_line_break_at_the_end_of_the_cookie_is_noted()
    {
        _host.Files[Cookie] = new FileFacts(FileKind.File, 0x100, 1000, 5);
        _host.Contents[Cookie] = [.. "some\n"u8];
        Assert.Equal(DoctorStatus.Note, _host.FindOne<CookieCheck>(WithCookie).Status);
    }

    [Fact]
    public void Files_that_others_can_change_are_a_failure_and_others_are_fine()
    {
        _host.Files["/etc/p"] = new FileFacts(FileKind.Directory, 0x1ED, 0);
        var options = new DoctorOptions { Files = ["/etc/p"] };
        Assert.Equal(DoctorStatus.Ok, _host.FindOne<OwnershipCheck>(options).Status);
        _host.Flaws["/etc/p"] = "'/etc/p' belongs to user 7, who can change it";
        var finding = _host.FindOne<OwnershipCheck>(options);
        Assert.Equal(DoctorStatus.Failure, finding.Status);
        Assert.Contains("belongs to user 7", finding.Found, StringComparison.Ordinal);
        Assert.Equal(DoctorStatus.Failure, _host.FindOne<OwnershipCheck>(new DoctorOptions { Files = ["/etc/none"] }).Status);
    }

    [Fact]
    public void A_directory_above_the_socket_that_others_can_change_is_warned_of()
    {
        _host.Files[Folder] = new FileFacts(FileKind.Directory, 0x1ED, 0);
        _host.Flaws[Folder] = "'/run' can be changed by others (mode 0777, group 0)";
        Assert.Contains(_host.Find<ListenCheck>(Listening), finding => finding.Status == DoctorStatus.Warning
            && finding.Found.Contains("take the place of the socket: '/run'", StringComparison.Ordinal));
    }

    [Fact]
    public void Without_a_cookie_file_nothing_is_said_of_it() => Assert.Empty(_host.Find<CookieCheck>());
}
