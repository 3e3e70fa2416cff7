using Kvmi.Protocol;
using Kvmi.Protocol.Captures;
using Kvmi.Protocol.Dialects;

namespace Kvmi.Conformance.Tests.Captures;

/// <summary>A captured conversation, cut into what is played: commands with their replies, events with their replies.</summary>
internal sealed class CaptureScript
{
    private CaptureScript(Dialect dialect, List<CaptureStep> steps, byte[]? hello, byte[]? answer)
    {
        Dialect = dialect;
        Steps = steps;
        Hello = hello;
        Answer = answer;
    }

    public Dialect Dialect { get; }

    /// <summary>All messages behind the handshake, skipped ones included.</summary>
    public IReadOnlyList<CaptureStep> Steps { get; }

    /// <summary>The messages that are played, in their order.</summary>
    public IEnumerable<CaptureStep> Played => Steps.Where(step => step.Skipped is null);

    /// <summary>The hello of the capture; null when it begins behind the handshake.</summary>
    public byte[]? Hello { get; }

    /// <summary>The tool's answer to it.</summary>
    public byte[]? Answer { get; }

    /// <summary>The captures of a dialect. Collections of single messages are no conversations and are not among them.</summary>
    public static IEnumerable<string> Files(KvmiDialect dialect)
    {
        var name = Dialect.Find(dialect)?.Name ?? string.Empty;
        return Directory.EnumerateFiles(Path.Combine(AppContext.BaseDirectory, "Fixtures"), $"kvmi-{name}-*.hex", SearchOption.AllDirectories)
            .Where(path => !path.EndsWith("-vectors.hex", StringComparison.Ordinal)).Order(StringComparer.Ordinal);
    }

    public static CaptureScript Read(string path, Dialect dialect)
    {
        using var reader = File.OpenText(path);
        var steps = new List<CaptureStep>();
        byte[]? hello = null;
        byte[]? answer = null;
        var events = 0;
        foreach (var entry in HexCapture.Read(reader))
        {
            Assert.Null(entry.Error);
            if (entry.Bytes is not { } bytes)
            {
                continue;
            }

            if (CaptureConversation.IsHello(entry.Direction, bytes))
            {
                hello = bytes;
                continue;
            }

            if (CaptureConversation.IsAnswer(entry.Direction, bytes))
            {
                answer = bytes;
                continue;
            }

            Assert.True(MessageHeader.TryRead(bytes, out var header));
            var step = new CaptureStep(entry, dialect.Classify(entry.Direction, header.Id), header, events);
            events += step.Role == MessageRole.Event ? 1 : 0;
            steps.Add(step);
        }

        var script = new CaptureScript(dialect, steps, hello, answer);
        script.PairReplies();
        script.ChooseWhatIsPlayed();
        return script;
    }

    private void PairReplies()
    {
        var open = new Dictionary<(ushort, uint), CaptureStep>();
        foreach (var step in Steps)
        {
            switch (step.Role)
            {
                case MessageRole.Command:
                    open[(step.Header.Id, step.Header.Sequence)] = step;
                    break;
                case MessageRole.CommandReply when open.Remove((step.Header.Id, step.Header.Sequence), out var command):
                    command.Reply = step;
                    break;
                default:
                    break;
            }
        }
    }

    private void ChooseWhatIsPlayed()
    {
        var open = new HashSet<uint>();
        foreach (var command in Steps)
        {
            if (command.Role is MessageRole.Event && Dialect.ReadEvent(command.Bytes, out var frame) == DecodeStatus.Ok && Dialect.ExpectsReply(frame.Kind))
            {
                open.Add(command.Header.Sequence);
            }
            else if (command.Role == MessageRole.EventReply)
            {
                open.Remove(command.Header.Sequence);
            }

            if (command.Role != MessageRole.Command)
            {
                continue;
            }

            command.Issue = IssuedCommand.TryRead(Dialect, command);
            command.Skipped = command.Issue is null ? "the tool's end does not send it in this form"
                : open.Count == 0 && Dialect.TryGetCommand(command.Header.Id, out var kind) && kind == CommandKind.SetRegisters
                ? "the session refuses it itself while no event waits"
                : command.Reply is null ? "it was sent while replies were off"
                : null;
            if (command.Reply is { } reply)
            {
                reply.Skipped = command.Skipped;
            }
        }
    }
}
