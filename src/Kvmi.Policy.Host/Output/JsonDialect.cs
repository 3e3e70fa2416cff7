using System.Text.Json;
using Kvmi.Policy.Host.Output.Records;
using Kvmi.Protocol.Dialects.Capabilities;

namespace Kvmi.Policy.Host.Output;

/// <summary>The JSON form of the lines of dialects.</summary>
internal static class JsonDialect
{
    public static string TypeOf(DialectOutput record) => record switch
    {
        { Command: not null } => "command",
        { Event: not null } => "event",
        _ => "dialect",
    };

    public static void Write(Utf8JsonWriter json, DialectOutput record)
    {
        json.WriteString("dialect", record.Dialect.Name);
        if (record.Command is { } command)
        {
            Command(json, command);
        }
        else if (record.Event is { } happening)
        {
            Event(json, happening);
        }
        else
        {
            Whole(json, record.Dialect);
        }
    }

    private static void Whole(Utf8JsonWriter json, DialectCapabilities dialect)
    {
        json.WriteNumber("maxPayload", dialect.MaxPayload);
        json.WriteNumber("maxPageAccessEntries", dialect.MaxPageAccessEntries);
        json.WriteNumber("eventReplyId", dialect.EventReplyId);
        json.WriteBoolean("eventsAreMasks", dialect.EventsAreMasks);
        json.WriteBoolean("repliesNameVcpu", dialect.RepliesNameVcpu);
        List(json, "lacksCommands", dialect.MissingCommands.Select(kind => Words.CamelCase(kind.ToString())));
        List(json, "lacksEvents", dialect.MissingEvents.Select(Words.Of));
        json.WriteStartObject("errors");
        foreach (var error in dialect.Errors)
        {
            json.WriteNumber(error.Name, (int)error.Error);
        }

        json.WriteEndObject();
    }

    private static void Command(Utf8JsonWriter json, CommandCapability command)
    {
        json.WriteNumber("id", command.Id);
        json.WriteString("name", command.Name);
        json.WriteString("kind", Words.CamelCase(command.Kind.ToString()));
        json.WriteString("scope", command.IsVcpuCommand ? "vcpu" : "vm");
        json.WriteBoolean("reserved", command.IsReserved);
        json.WriteBoolean("returnsData", command.ReturnsData);
        Length(json, "request", command.Request);
        if (command.OldRequest is { } old)
        {
            Length(json, "oldRequest", old);
        }

        Length(json, "reply", command.Reply);
    }

    private static void Event(Utf8JsonWriter json, EventCapability happening)
    {
        json.WriteString("event", Words.Of(happening.Kind));
        json.WriteNumber("id", happening.Id);
        json.WriteString("name", happening.Name);
        json.WriteNumber("messageId", happening.MessageId);
        json.WriteString("scope", happening.IsVmEvent ? "vm" : "vcpu");
        if (happening.SwitchedOnBy is { } command)
        {
            json.WriteString("switchedOnBy", Words.CamelCase(command.ToString()));
        }

        List(json, "actions", happening.Actions.Select(action => Words.CamelCase(action.ToString())));
        json.WriteNumber("payload", happening.Payload);
        if (happening.ReplyPayload is { } reply)
        {
            json.WriteNumber("replyPayload", reply);
        }
    }

    private static void Length(Utf8JsonWriter json, string name, PayloadLength length)
    {
        json.WriteStartObject(name);
        json.WriteNumber("min", length.Min);
        json.WriteNumber("max", length.Max);
        json.WriteNumber("step", length.Step);
        json.WriteEndObject();
    }

    private static void List(Utf8JsonWriter json, string name, IEnumerable<string> words)
    {
        json.WriteStartArray(name);
        foreach (var word in words)
        {
            json.WriteStringValue(word);
        }

        json.WriteEndArray();
    }
}
