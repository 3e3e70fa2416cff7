using System.Text;
using System.Text.Json;
using Kvmi.Policy.Engine.Output;

namespace Kvmi.Policy.Host.Output.Records;

/// <summary>A line about a trace: what is in it, or an event whose decision differs. Its fields are members of the JSON line.</summary>
internal sealed record TraceOutput : OutputRecord
{
    /// <summary>traceVm, tracePolicy, traceEvent, traceProblem or difference.</summary>
    public required string Type { get; init; }

    /// <summary>Members of the JSON line; those that are null are left out.</summary>
    public required IReadOnlyList<OutputField> Fields { get; init; }

    /// <summary>The line for people.</summary>
    public required string Text { get; init; }

    /// <summary>Writes the members.</summary>
    public void WriteJson(Utf8JsonWriter json)
    {
        foreach (var field in Fields.Where(field => field.Value is not null))
        {
            json.WritePropertyName(field.Name);
            JsonValue.Write(json, field.Value);
        }
    }

    /// <summary>Writes the line for people.</summary>
    public void WriteText(StringBuilder line) => line.AppendSafe(Text);
}
