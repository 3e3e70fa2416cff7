using Kvmi.Fuzz.Messages;
using Kvmi.Protocol.Captures;
using Kvmi.Protocol.Dialects;
using Kvmi.Protocol.Dialects.Capabilities;
using Kvmi.Protocol.Layouts;

namespace Kvmi.Protocol.Tests.Dialects.Capabilities;

/// <summary>
/// The table of a dialect is made of its typed codec and its message layouts. Where these two (and the size tables of the detection) say the
/// same thing twice, they are compared here, for every message.
/// </summary>
public sealed class CapabilityTests
{
    public static TheoryData<KvmiDialect> Dialects => [.. Dialect.All.Select(dialect => dialect.Id)];

    [Theory]
    [MemberData(nameof(Dialects))]
    public void What_the_codec_writes_the_layouts_understand_to_the_last_byte(KvmiDialect id)
    {
        var written = WrittenMessages.Of(Dialect.Find(id)!);
        foreach (var message in written)
        {
            var decoder = new MessageDecoder(id);
            if (message.Role == MessageRole.EventReply)
            {
                // What a reply means depends on the event it answers.
                var answered = written.First(other => other.Event == message.Event && other.Role == MessageRole.Event);
                decoder.Decode(MessageDirection.KernelToTool, answered.Bytes);
            }

            var decoded = decoder.Decode(message.Direction, message.Bytes);
            Assert.True(decoded.Problem is null, $"{message.Name}: {decoded.Problem?.Reason}");
            Assert.Equal(message.Role, decoded.Role);
            Assert.DoesNotContain(decoded.Fields, field => IsLeftOver(field.Name));
            Assert.Equal(NameOf(DialectCapabilities.Of(Dialect.Find(id)!), message), decoded.Name);
        }
    }

    [Theory]
    [MemberData(nameof(Dialects))]
    public void Lengths_of_written_messages_are_those_of_the_table(KvmiDialect id)
    {
        var table = DialectCapabilities.Of(Dialect.Find(id)!);
        foreach (var message in WrittenMessages.Of(Dialect.Find(id)!))
        {
            var length = message.Bytes.Length - MessageHeader.Length;
            var fits = message switch
            {
                { Command: { } kind, Role: MessageRole.Command } => Command(table, kind) is var command
                    && (command.Request.Contains(length) || command.OldRequest?.Contains(length) == true),
                { Command: { } kind } => length == 8 || Command(table, kind).Reply.Contains(length),
                { Event: { } kind, Role: MessageRole.Event } => Event(table, kind).Payload == length,
                _ => Event(table, message.Event!.Value).ReplyPayload == length,
            };
            Assert.True(fits, $"{message.Name}: {length} bytes");
        }
    }

    [Theory]
    [MemberData(nameof(Dialects))]
    public void Codec_and_layouts_have_the_same_ids_and_rules(KvmiDialect id)
    {
        var dialect = Dialect.Find(id)!;
        var layouts = DialectLayouts.Get(id);
        var table = DialectCapabilities.Of(dialect);
        Assert.Equal(dialect.Name, layouts.Name);
        Assert.Equal(layouts.Commands.Select(command => command.Id).Order(), table.Commands.Select(command => command.Id));
        Assert.Equal(layouts.Shapes.SelectMany(shape => shape.Events).Select(entry => entry.Id).Order(), table.Events.Select(entry => entry.Id));
        foreach (var command in table.Commands)
        {
            Assert.True(dialect.TryGetCommand(command.Id, out var kind) && kind == command.Kind, command.Name);
            Assert.True(command.IsReserved || command.ReturnsData == (command.Reply.Max > 8), command.Name);
        }

        foreach (var entry in table.Events)
        {
            Assert.True(dialect.TryGetEvent(entry.Id, out var kind) && kind == entry.Kind, entry.Name);
            Assert.Equal(layouts.Event((ulong)entry.Id)!.ExpectsReply, entry.ReplyPayload is not null);
            Assert.Equal(entry.ReplyPayload is not null, entry.Actions.Count > 0);
            Assert.Equal(entry.ReplyPayload, entry.ReplyPayload is null ? null : dialect.EventReplyLength(entry.Kind) - MessageHeader.Length);
            Assert.Equal(MessageRole.Event, dialect.Classify(MessageDirection.KernelToTool, entry.MessageId));
            Assert.True(entry.SwitchedOnBy is not { } command || dialect.TryGetCommandId(command, out _), entry.Name);
        }

        Assert.Equal(MessageRole.EventReply, dialect.Classify(MessageDirection.ToolToKernel, table.EventReplyId));
    }

    [Theory]
    [MemberData(nameof(Dialects))]
    public void Nothing_is_both_there_and_missing_and_nothing_is_neither(KvmiDialect id)
    {
        var table = DialectCapabilities.Of(Dialect.Find(id)!);
        Assert.Equal(Enum.GetValues<CommandKind>().Order(), table.Commands.Select(command => command.Kind).Concat(table.MissingCommands).Order());
        Assert.Equal(Enum.GetValues<EventKind>().Order(), table.Events.Select(entry => entry.Kind).Concat(table.MissingEvents).Order());
    }

    [Theory]
    [MemberData(nameof(Dialects))]
    public void The_size_tables_of_the_detection_say_the_same(KvmiDialect id)
    {
        var table = DialectCapabilities.Of(Dialect.Find(id)!);
        var sizes = id switch
        {
            KvmiDialect.RfcV5 => MessageSizes.RfcV5,
            KvmiDialect.V7 => MessageSizes.V7,
            _ => MessageSizes.V11AndV12,
        };
        foreach (var command in table.Commands.Where(command => !command.IsReserved))
        {
            // Ids 20 and 22 differ between v11 and v12, and the detection judges them by themselves.
            if (id is KvmiDialect.V11 or KvmiDialect.V12 && command.Id is 20 or 22)
            {
                continue;
            }

            var (request, reply) = sizes[command.Id];
            Assert.True(MessageSizes.Fits(request, command.Request.Min) && (command.Request.IsFixed || request == -1), $"request of {command.Name}");
            Assert.True(MessageSizes.Fits(reply, command.Reply.Min - 8) && (command.Reply.IsFixed || reply == -1), $"reply of {command.Name}");
        }
    }

    [Theory]
    [MemberData(nameof(Dialects))]
    public void Limits_are_those_of_the_messages(KvmiDialect id)
    {
        var dialect = Dialect.Find(id)!;
        var table = DialectCapabilities.Of(dialect);
        Assert.All(table.Commands, command => Assert.True(
            command.Request.Max <= table.MaxPayload
            && command.Reply.Max <= table.MaxPayload
            && command.Request.Min <= command.Request.Max
            && command.Reply.Min <= command.Reply.Max,
            command.Name));
        var pages = Command(table, CommandKind.SetPageAccess).Request;
        Assert.Equal(16, pages.Step);
        Assert.True(pages.Contains(pages.Min + (16 * table.MaxPageAccessEntries)));
        Assert.Equal(16 + 4096, Command(table, CommandKind.WritePhysical).Request.Max);
        Assert.Equal(8 + 4096, Command(table, CommandKind.ReadPhysical).Reply.Max);
    }

    // By hand from kvmi-later-dialects.md 3.5, 3.8, 4.1, 4.3 and rfc-v5 4.1.
    [Theory]
    [InlineData(KvmiDialect.V7, EventKind.Singlestep, CommandKind.ControlEvents)]
    [InlineData(KvmiDialect.V7, EventKind.PauseVcpu, null)]
    [InlineData(KvmiDialect.V7, EventKind.Trap, null)]
    [InlineData(KvmiDialect.V7, EventKind.CommandError, CommandKind.ControlCommandResponse)]
    [InlineData(KvmiDialect.V7, EventKind.CreateVcpu, CommandKind.ControlVmEvents)]
    [InlineData(KvmiDialect.V7, EventKind.Cr, CommandKind.ControlEvents)]
    [InlineData(KvmiDialect.V12, EventKind.Singlestep, null)]
    [InlineData(KvmiDialect.V12, EventKind.Trap, null)]
    [InlineData(KvmiDialect.V12, EventKind.PauseVcpu, null)]
    [InlineData(KvmiDialect.V11, EventKind.Unhook, CommandKind.ControlVmEvents)]
    [InlineData(KvmiDialect.RfcV5, EventKind.Trap, CommandKind.ControlEvents)]
    [InlineData(KvmiDialect.RfcV5, EventKind.PauseVcpu, null)]
    [InlineData(KvmiDialect.RfcV5, EventKind.CreateVcpu, CommandKind.ControlVmEvents)]
    public void Events_that_need_a_switch_name_it(KvmiDialect id, EventKind kind, CommandKind? expected) =>
        Assert.Equal(expected, Event(DialectCapabilities.Of(Dialect.Find(id)!), kind).SwitchedOnBy);

    [Fact]
    public void Errors_have_the_names_of_the_documents()
    {
        Assert.Equal(
            Enum.GetValues<KvmiError>().Where(error => error != KvmiError.None).OrderDescending(),
            ErrorCapability.All.Select(error => error.Error).OrderDescending());
        Assert.Contains(new ErrorCapability((KvmiError)(-1000), "KVM_ENOSYS"), ErrorCapability.All);
        Assert.Contains(new ErrorCapability((KvmiError)(-22), "KVM_EINVAL"), ErrorCapability.All);
    }

    private static CommandCapability Command(DialectCapabilities table, CommandKind kind) => table.Commands.Single(command => command.Kind == kind);

    private static EventCapability Event(DialectCapabilities table, EventKind kind) => table.Events.Single(entry => entry.Kind == kind);

    private static string NameOf(DialectCapabilities table, SeedMessage message) =>
        message.Command is { } command ? Command(table, command).Name : Event(table, message.Event!.Value).Name;

    private static bool IsLeftOver(string field) =>
        field is "truncated" or "trailing" or "payload" || field.StartsWith("padding@", StringComparison.Ordinal);
}
