using Kvmi.Session.Endpoints;

namespace Kvmi.Session.Tests.Endpoints;

public class KvmiEndpointTests
{
    [Theory]
    [InlineData("unix:/run/a.sock", "unix:/run/a.sock")]
    [InlineData("unix:a:b", "unix:a:b")]
    [InlineData("tcp:127.0.0.1:1234", "tcp:127.0.0.1:1234")]
    [InlineData("tcp:127.9.9.9:0", "tcp:127.9.9.9:0")]
    [InlineData("tcp:localhost:65535", "tcp:127.0.0.1:65535")]
    [InlineData("tcp:[::1]:7", "tcp:[::1]:7")]
    [InlineData("vsock:1234", "vsock:1234")]
    public void Endpoints_are_read(string text, string shown) => Assert.Equal(shown, KvmiEndpoint.Parse(text).ToString());

    [Theory]
    [InlineData("", "is not an endpoint")]
    [InlineData("/run/a.sock", "Write unix:PATH")]
    [InlineData("http:x", "is not an endpoint")]
    [InlineData("unix:", "names no path")]
    [InlineData("unix:a\0b", "names no path")]
    [InlineData("tcp:127.0.0.1", "is not a TCP endpoint")]
    [InlineData("tcp:127.0.0.1:", "is not a TCP endpoint")]
    [InlineData("tcp:127.0.0.1:65536", "is not a TCP endpoint")]
    [InlineData("tcp:127.0.0.1:-1", "is not a TCP endpoint")]
    [InlineData("tcp:example.org:1", "is not an IP address")]
    [InlineData("tcp:127.1:1", "is not an IP address")]
    [InlineData("tcp:::1:1", "is not an IP address")]
    [InlineData("tcp:0.0.0.0:1", "other machines")]
    [InlineData("tcp:[::]:1", "other machines")]
    [InlineData("tcp:10.0.0.1:1", "--allow-remote")]
    [InlineData("vsock:", "is not a vsock endpoint")]
    [InlineData("vsock:2:1234", "is not a vsock endpoint")]
    [InlineData("vsock:4294967295", "is not a vsock endpoint")]
    public void Others_are_refused_with_advice(string text, string part)
    {
        Assert.False(KvmiEndpoint.TryParse(text, allowRemote: false, out _, out var error));
        Assert.Contains(part, error, StringComparison.Ordinal);
        Assert.Equal(error, Assert.Throws<KvmiEndpointException>(() => KvmiEndpoint.Parse(text)).Message);
    }

    [Fact]
    public void Remote_addresses_are_read_when_allowed() =>
        Assert.Equal("tcp:0.0.0.0:1", KvmiEndpoint.Parse("tcp:0.0.0.0:1", allowRemote: true).ToString());

    [Fact]
    public void The_path_limit_counts_bytes_and_is_named()
    {
        Assert.Equal(107, KvmiEndpoint.Parse("unix:/" + new string('a', 106)).Path!.Length);
        var error = Assert.Throws<KvmiEndpointException>(() => KvmiEndpoint.Parse("unix:/" + new string('a', 107))).Message;
        Assert.Contains("108 bytes", error, StringComparison.Ordinal);
        Assert.Contains("at most 107", error, StringComparison.Ordinal);
        Assert.Throws<KvmiEndpointException>(() => KvmiEndpoint.Parse("unix:/" + new string('ä', 54)));
    }
}
