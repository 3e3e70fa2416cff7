using Kvmi.Conformance.Tests.Support;
using Kvmi.Protocol;
using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Dialects;
using Kvmi.Session.Vm;

namespace Kvmi.Conformance.Tests.Captures;

/// <summary>The tool's end, driven by each capture as if it were the kernel.</summary>
public sealed class CaptureDrivenTests
{
    // Sent by the session itself when a VM is attached, not through the API.
    private static readonly CommandKind[] AttachPhase = [CommandKind.GetVersion, CommandKind.CheckCommand, CommandKind.CheckEvent, CommandKind.GetVmInfo];

    public static TheoryData<string> Captures =>
        [.. Dialect.All.SelectMany(dialect => CaptureScript.Files(dialect.Id)).Select(path => Path.GetRelativePath(AppContext.BaseDirectory, path))];

    [Theory]
    [MemberData(nameof(Captures))]
    public async Task Sends_what_the_captured_tool_sent_and_answers_every_event_with_its_bytes(string capture)
    {
        var script = Read(capture);
        var dialect = script.Dialect;
        var handler = new CaptureHandler(script);
        await using var server = new ToolServer(handler);
        using var kernel = new CaptureKernel(script, new ReplyBook(dialect, CaptureScript.Files(dialect.Id).Select(file => CaptureScript.Read(file, dialect))));
        var play = Task.Run(
            () =>
            {
                kernel.Play(server.Path, handler.AttachedToVm.Task);
                var stop = server.Server.StopAsync();
                kernel.AnswerToTheEnd();
                return stop;
            },
            TestContext.Current.CancellationToken);
        await play.WaitAsync(ToolServer.Patience, TestContext.Current.CancellationToken);

        foreach (var skipped in script.Steps.Where(step => step.Role == MessageRole.Command && step.Skipped is not null))
        {
            TestContext.Current.TestOutputHelper?.WriteLine($"not played: {skipped}: {skipped.Skipped}");
        }

        string[] differences = [.. kernel.Differences, .. handler.Differences, .. server.Log.Warnings];
        Assert.True(differences.Length == 0, string.Join('\n', differences));
        var vm = Assert.Single(server.Gone);
        Assert.Equal((dialect.Name, true), (vm.Vm.Dialect, vm.Reason is DetachReason.Stopping or DetachReason.Unhook));
        Assert.Equal(script.Played.Count(step => step.Role == MessageRole.Command), kernel.CommandsCompared);
        Assert.Equal(script.Steps.Count(step => step.Role == MessageRole.Event), kernel.EventsSent);
        Assert.Equal(script.Steps.Count(step => step.Role == MessageRole.EventReply), kernel.RepliesCompared);
        var counters = vm.Vm.Counters;
        Assert.Equal((kernel.EventsSent, counters.Events, 0L), (counters.Events + counters.Notifications, counters.Replies, counters.HandlerErrors));
    }

    public static TheoryData<string> CapturesOfTheConnectPhase =>
        [.. Captures.Select(row => row.Data).Where(capture => AttachCommands(Read(capture)).Count > 0)];

    [Theory]
    [MemberData(nameof(CapturesOfTheConnectPhase))]
    public async Task Asks_at_connect_in_the_bytes_of_the_captured_tool(string capture)
    {
        var script = Read(capture);
        var dialect = script.Dialect;
        var empty = CaptureScript.Read(CaptureScript.Files(dialect.Id).First(file => file.Contains("setup", StringComparison.Ordinal)), dialect);
        var handler = new CaptureHandler(empty);
        await using var server = new ToolServer(handler);
        using var kernel = new CaptureKernel(empty, new ReplyBook(dialect, [script, empty]));
        var play = Task.Run(() => kernel.Play(server.Path, handler.AttachedToVm.Task), TestContext.Current.CancellationToken);
        await play.WaitAsync(ToolServer.Patience, TestContext.Current.CancellationToken);
        foreach (var step in AttachCommands(script))
        {
            Assert.Contains(kernel.ConnectCommands, sent => sent.AsSpan(0, 4).SequenceEqual(step.Bytes.AsSpan(0, 4)) && sent.AsSpan(8).SequenceEqual(step.Payload));
        }
    }

    private static CaptureScript Read(string capture)
    {
        var path = Path.Combine(AppContext.BaseDirectory, capture);
        var dialect = Dialect.All.Single(dialect => Path.GetFileName(path).StartsWith($"kvmi-{dialect.Name}-", StringComparison.Ordinal));
        return CaptureScript.Read(path, dialect);
    }

    private static List<CaptureStep> AttachCommands(CaptureScript script) =>
    [
        .. script.Steps.Where(step => step.Role == MessageRole.Command && step.Reply is { } reply && IsSuccess(script.Dialect, reply)
            && script.Dialect.TryGetCommand(step.Header.Id, out var kind) && AttachPhase.Contains(kind) && IsWellFormed(script.Dialect, step)),
    ];

    private static bool IsSuccess(Dialect dialect, CaptureStep reply) =>
        dialect.ReadReply(reply.Payload, out KvmiError error, out _) == DecodeStatus.Ok && error == KvmiError.None;

    // Captures probe with surplus bytes and with ids that exist in no table; a tool does not.
    private static bool IsWellFormed(Dialect dialect, CaptureStep step)
    {
        dialect.TryGetCommand(step.Header.Id, out var kind);
        return kind switch
        {
            CommandKind.CheckCommand => dialect.Read(step.Payload, out CheckCommand check) == CommandStatus.Ok && dialect.TryGetCommand(check.Id, out _),
            CommandKind.CheckEvent => dialect.Read(step.Payload, out CheckEvent check) == CommandStatus.Ok && dialect.TryGetEvent(check.Id, out _),
            _ => step.Payload.IsEmpty,
        };
    }
}
