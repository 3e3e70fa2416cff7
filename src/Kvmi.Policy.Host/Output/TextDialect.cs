using System.Globalization;
using System.Text;
using Kvmi.Policy.Host.Output.Records;
using Kvmi.Protocol;
using Kvmi.Protocol.Dialects.Capabilities;

namespace Kvmi.Policy.Host.Output;

/// <summary>The text form of the lines of dialects: a table for people.</summary>
internal static class TextDialect
{
    public static void Write(StringBuilder line, DialectOutput record)
    {
        if (record.Command is { } command)
        {
            Command(line, command);
        }
        else if (record.Event is { } happening)
        {
            Event(line, record.Dialect, happening);
        }
        else
        {
            Whole(line, record.Dialect);
        }
    }

    /// <summary>"16", "16 to 4112", "8 + 16 n to 8184".</summary>
    public static string Length(PayloadLength length) => length switch
    {
        { IsFixed: true } => length.Min.ToString(CultureInfo.InvariantCulture),
        { Step: 1 } => string.Create(CultureInfo.InvariantCulture, $"{length.Min} to {length.Max}"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{length.Min} + {length.Step} n to {length.Max}"),
    };

    /// <summary>The name that a dialect's documents give a command.</summary>
    private static string NameOf(DialectCapabilities dialect, CommandKind kind) =>
        dialect.Commands.FirstOrDefault(command => command.Kind == kind)?.Name ?? kind.ToString();

    /// <summary>"continue, crash"; a dash for an event without reply.</summary>
    public static string Actions(EventCapability happening) =>
        happening.Actions.Count == 0 ? "–" : string.Join(", ", happening.Actions.Select(action => Words.CamelCase(action.ToString())));

    /// <summary>What has to happen before the event comes.</summary>
    public static string SwitchedOnBy(DialectCapabilities dialect, EventCapability happening) =>
        happening.SwitchedOnBy is { } command ? $"after {NameOf(dialect, command)}" : "answers a command";

    private static void Whole(StringBuilder line, DialectCapabilities dialect)
    {
        line.Append("dialect  ").AppendSafe(dialect.Name).Append(CultureInfo.InvariantCulture,
            $": {dialect.Commands.Count} commands, {dialect.Events.Count} events; payload at most {dialect.MaxPayload} bytes, ")
            .Append(CultureInfo.InvariantCulture, $"{dialect.MaxPageAccessEntries} pages in one SET_PAGE_ACCESS; ")
            .Append(CultureInfo.InvariantCulture, $"event replies under id {dialect.EventReplyId}");
        line.Append(dialect.EventsAreMasks ? "; events are switched as a whole set" : "; events are switched one by one");
        if (!dialect.RepliesNameVcpu)
        {
            line.Append("; event replies name no vCPU");
        }

        Lacks(line, "commands", dialect.MissingCommands.Select(kind => Words.CamelCase(kind.ToString())));
        Lacks(line, "events", dialect.MissingEvents.Select(Words.Of));
        line.Append("\n         errors ").AppendJoin(", ", dialect.Errors.Select(error =>
            string.Create(CultureInfo.InvariantCulture, $"{error.Name} {(int)error.Error}")));
    }

    private static void Lacks(StringBuilder line, string what, IEnumerable<string> names)
    {
        var all = string.Join(", ", names);
        if (all.Length > 0)
        {
            line.Append("\n         lacks the ").Append(what).Append(' ').Append(all);
        }
    }

    private static void Command(StringBuilder line, CommandCapability command)
    {
        line.Append(CultureInfo.InvariantCulture, $"command  {command.Id,3} ").AppendSafe(command.Name.PadRight(26))
            .Append(command.IsVcpuCommand ? "vcpu" : "vm  ");
        if (command.IsReserved)
        {
            line.Append(" reserved number, no message");
            return;
        }

        line.Append(CultureInfo.InvariantCulture, $" request {Length(command.Request),-18} reply {Length(command.Reply)}");
        if (command.OldRequest is { } old)
        {
            line.Append(CultureInfo.InvariantCulture, $" (request of older builds {Length(old)})");
        }
    }

    private static void Event(StringBuilder line, DialectCapabilities dialect, EventCapability happening)
    {
        line.Append(CultureInfo.InvariantCulture, $"event    {happening.Id,3} ").AppendSafe(happening.Name.PadRight(26))
            .Append(happening.IsVmEvent ? "vm  " : "vcpu")
            .Append(CultureInfo.InvariantCulture, $" payload {happening.Payload} under id {happening.MessageId}");
        line.Append(happening.ReplyPayload is { } reply
            ? string.Create(CultureInfo.InvariantCulture, $", reply {reply}: {Actions(happening)}")
            : ", no reply");
        line.Append("; ").AppendSafe(SwitchedOnBy(dialect, happening));
    }
}
