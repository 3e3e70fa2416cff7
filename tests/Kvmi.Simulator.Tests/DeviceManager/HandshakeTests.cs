using System.Net;
using System.Net.Sockets;
using Kvmi.Protocol.Handshake;
using Kvmi.Simulator.DeviceManager;
using Kvmi.Simulator.Tests.Kernel;

namespace Kvmi.Simulator.Tests.DeviceManager;

public sealed class HandshakeTests
{
    private static readonly byte[] Secret = "some"u8.ToArray();

    [Theory]
    [InlineData(HelloForm.Base, 96)]
    [InlineData(HelloForm.Short, 32)]
    [InlineData(HelloForm.MaxGpa, 104)]
    [InlineData(HelloForm.E820, 104 + 48)]
    public async Task Each_form_of_the_hello(HelloForm form, int size)
    {
        using var listener = new ListeningTool();
        var run = Simulation.RunAsync(
            new SimulatorOptions { Endpoint = listener.Endpoint, Hello = form, Name = "vm-7", Uuid = new Guid("00112233-4455-6677-8899-aabbccddeeff") },
            TestContext.Current.CancellationToken);
        var (tool, hello) = listener.Greet();
        tool.Dispose();
        await run;
        Assert.Equal(size, hello.Size);
        Assert.Equal(new Guid("00112233-4455-6677-8899-aabbccddeeff"), hello.Uuid);
        Assert.Equal(form == HelloForm.Short ? string.Empty : "vm-7", hello.DisplayName);
        Assert.Equal(form == HelloForm.E820 ? 2 : 0, hello.E820.Count);
        Assert.Equal(form == HelloForm.MaxGpa, hello.MaxGpa is not null);
    }

    [Fact]
    public void The_base_hello_has_the_bytes_of_the_captured_one()
    {
        var captured = CapturedConversation.Read("kvmi-v7-handshake.hex")[0].Bytes;
        Assert.Equal(HandshakeStatus.Ok, HelloRecord.TryRead(captured, out var hello));
        var bytes = VmHello.Create(HelloForm.Base, hello!.DisplayName, hello.Uuid, DateTimeOffset.FromUnixTimeSeconds(hello.StartTime), 1 << 27);
        Assert.Equal(captured, bytes);
    }

    [Theory]
    [InlineData("some", true)]
    [InlineData("same", false)]
    public async Task The_answer_must_prove_the_secret(string secret, bool accepted)
    {
        using var listener = new ListeningTool();
        var run = Simulation.RunAsync(
            new SimulatorOptions { Endpoint = listener.Endpoint, Cookie = Secret, Scenario = "boot", Settle = TimeSpan.FromMilliseconds(50) },
            TestContext.Current.CancellationToken);
        var hash = new byte[20];
        CookieHash.Compute(System.Text.Encoding.ASCII.GetBytes(secret), hash);
        var answer = new byte[24];
        HandshakeAnswer.Write(answer, hash);
        var (raw, _) = listener.Greet(answer);
        if (accepted)
        {
            var tool = new ContinueTool(raw);
            tool.Arm();
            tool.Serve();
            Assert.True((await run).EndedAsWritten);
        }
        else
        {
            raw.ExpectClose();
            var result = await run;
            Assert.Equal(SimulationEnd.NotConnected, result.End);
            Assert.Contains("secret", result.FailureReason, StringComparison.Ordinal);
            Assert.Equal(0, result.Connections);
        }
    }

    [Fact]
    public async Task A_socket_path_that_does_not_exist_is_named()
    {
        var path = Path.Combine(Path.GetTempPath(), $"kvmi-{Guid.NewGuid():n}.sock");
        Assert.Contains($"no socket at {path}: is the tool listening there?", await WhyNotConnectedAsync($"unix:{path}"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_socket_file_that_nobody_listens_on_says_so()
    {
        var path = Path.Combine(Path.GetTempPath(), $"kvmi-{Guid.NewGuid():n}.sock");
        using (var left = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            left.Bind(new UnixDomainSocketEndPoint(path));
            Assert.Contains("nobody listens", await WhyNotConnectedAsync($"unix:{path}"), StringComparison.Ordinal);
        }

        File.Delete(path);
    }

    [Fact]
    public async Task A_port_that_nobody_listens_on_says_so()
    {
        using var bound = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        bound.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        var port = ((IPEndPoint)bound.LocalEndPoint!).Port;
        Assert.Contains("nobody listens", await WhyNotConnectedAsync($"tcp:127.0.0.1:{port}"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_wrong_secret_is_tried_again_with_reconnect()
    {
        using var listener = new ListeningTool();
        using var cancel = new CancellationTokenSource();
        var run = Simulation.RunAsync(
            new SimulatorOptions { Endpoint = listener.Endpoint, Cookie = Secret, Reconnect = TimeSpan.FromMilliseconds(10) }, cancel.Token);
        for (var i = 0; i < 3; i++)
        {
            listener.Greet().Tool.ExpectClose();
        }

        await cancel.CancelAsync();
        Assert.Equal(SimulationEnd.Cancelled, (await run).End);
    }

    [Fact]
    public async Task Bytes_behind_the_answer_belong_to_the_kernel_side()
    {
        using var listener = new ListeningTool();
        var run = Simulation.RunAsync(new SimulatorOptions { Endpoint = listener.Endpoint }, TestContext.Current.CancellationToken);

        // An answer of 30 bytes (six of them surplus) and GET_VERSION in the same write.
        var (raw, _) = listener.Greet([30, .. new byte[29], 2, 0, 0, 0, 7, 0, 0, 0]);
        Assert.Equal(24, raw.Reply(7).Payload.Length);
        raw.Dispose();
        Assert.Equal(SimulationEnd.Disconnected, (await run).End);
    }

    [Theory]
    [InlineData(new byte[] { 23, 0, 0, 0 })]
    [InlineData(new byte[] { 0xff, 0xff, 0xff, 0xff })]
    [InlineData(new byte[] { 24, 0, 0, 0, 1, 2 })]
    [InlineData(new byte[0])]
    public async Task A_broken_answer_is_refused(byte[] answer)
    {
        using var listener = new ListeningTool();
        var run = Simulation.RunAsync(new SimulatorOptions { Endpoint = listener.Endpoint }, TestContext.Current.CancellationToken);
        var socket = listener.Accept();
        ListeningTool.ReadHello(socket);
        socket.Send(answer);
        socket.Shutdown(SocketShutdown.Send);
        var result = await run;
        socket.Dispose();
        Assert.Equal(SimulationEnd.NotConnected, result.End);
        Assert.Contains("answer", result.FailureReason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_tool_that_does_not_answer_is_given_up()
    {
        using var listener = new ListeningTool();
        var run = Simulation.RunAsync(
            new SimulatorOptions { Endpoint = listener.Endpoint, HandshakeTimeout = TimeSpan.FromMilliseconds(50) }, TestContext.Current.CancellationToken);
        using var socket = listener.Accept();
        var result = await run;
        Assert.Equal(SimulationEnd.NotConnected, result.End);
        Assert.Contains("no answer within", result.FailureReason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Cancelling_ends_a_handshake()
    {
        using var listener = new ListeningTool();
        using var cancel = new CancellationTokenSource();
        var run = Simulation.RunAsync(new SimulatorOptions { Endpoint = listener.Endpoint }, cancel.Token);
        using var socket = listener.Accept();
        await cancel.CancelAsync();
        Assert.Equal(SimulationEnd.Cancelled, (await run).End);
    }

    [Fact]
    public async Task The_tool_may_start_later()
    {
        var path = Path.Combine(Path.GetTempPath(), $"kvmi-{Guid.NewGuid():n}.sock");
        var run = Simulation.RunAsync(new SimulatorOptions { Endpoint = $"unix:{path}" }, TestContext.Current.CancellationToken);
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Bind(new UnixDomainSocketEndPoint(path));
        socket.Listen(1);
        Assert.True(socket.Poll(TimeSpan.FromMilliseconds(RawTool.GiveUpMilliseconds), SelectMode.SelectRead));
        socket.Accept().Dispose();
        Assert.Equal(SimulationEnd.NotConnected, (await run).End);
        File.Delete(path);
    }

    [Fact]
    public async Task Nobody_listening_is_reported_after_the_patience()
    {
        var result = await Simulation.RunAsync(
            new SimulatorOptions { Endpoint = "unix:/nonexistent/kvmi.sock", ConnectPatience = TimeSpan.FromMilliseconds(10) },
            TestContext.Current.CancellationToken);
        Assert.Equal(SimulationEnd.NotConnected, result.End);
        Assert.Contains("/nonexistent/kvmi.sock", result.FailureReason, StringComparison.Ordinal);
    }

    private static async Task<string> WhyNotConnectedAsync(string endpoint)
    {
        var result = await Simulation.RunAsync(
            new SimulatorOptions { Endpoint = endpoint, ConnectPatience = TimeSpan.Zero }, TestContext.Current.CancellationToken);
        Assert.Equal(SimulationEnd.NotConnected, result.End);
        return result.FailureReason!;
    }
}
