using System.Text.Json;
using Kvmi.Policy.Host.Output.Records;
using Kvmi.Simulator;

namespace Kvmi.Policy.Host.Output;

/// <summary>The JSON form of a simulation's result.</summary>
internal static class JsonSimulation
{
    public static void Write(Utf8JsonWriter json, CatalogueOutput entry)
    {
        json.WriteString("entry", entry.Section);
        json.WriteString("name", entry.Entry.Name);
        json.WriteString("description", entry.Entry.Description);
    }

    public static void Write(Utf8JsonWriter json, SimulationResult result)
    {
        json.WriteString("summary", "simulation");
        json.WriteString("scenario", result.Scenario);
        json.WriteString("end", Words.CamelCase(result.End.ToString()));
        json.WriteBoolean("endedAsWritten", result.EndedAsWritten);
        if (result.FailureReason is { } reason)
        {
            json.WriteString("reason", reason);
        }

        json.WriteNumber("vcpus", result.Vcpus);
        json.WriteString("seed", Words.Hex(result.Seed));
        json.WriteNumber("connections", result.Connections);
        json.WriteNumber("elapsedMilliseconds", (long)result.Duration.TotalMilliseconds);
        Counts(json, "events", result.Events.Select(entry => (Words.Of(entry.Key), entry.Value)));
        Counts(json, "replies", result.Replies.Select(entry => (Words.CamelCase(entry.Key.ToString()), entry.Value)));
        Counts(json, "commands", result.Commands.Select(entry => (entry.Key, entry.Value)));
        Counts(json, "commandErrors", result.CommandErrors.Select(entry => (entry.Key, entry.Value)));
        if (result.Faults.Count > 0)
        {
            Counts(json, "faults", result.Faults.OrderBy(entry => entry.Key, StringComparer.Ordinal).Select(entry => (entry.Key, entry.Value)));
        }

        json.WriteNumber("eventCount", result.EventCount);
        json.WriteNumber("replyCount", result.ReplyCount);
        json.WriteStartArray("consequences");
        foreach (var consequence in result.Consequences)
        {
            json.WriteStartObject();
            json.WriteString("name", consequence.Name);
            json.WriteString("value", consequence.Value);
            if (consequence.Vcpu is { } vcpu)
            {
                json.WriteNumber("vcpu", vcpu);
            }

            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void Counts(Utf8JsonWriter json, string name, IEnumerable<(string Name, long Value)> counts)
    {
        json.WriteStartObject(name);
        foreach (var (key, value) in counts)
        {
            json.WriteNumber(key, value);
        }

        json.WriteEndObject();
    }
}
