using System.Text.Json;
using Kvmi.Policy.Engine.Output;

namespace Kvmi.Policy.Host.Output.Records;

/// <summary>A reply of a running host.</summary>
internal sealed record ControlOutput : OutputRecord
{
    /// <summary>Type of the line.</summary>
    public required string Type { get; init; }

    /// <summary>An object, whose members are the line's.</summary>
    public required JsonElement Reply { get; init; }

    /// <summary>For people; may have several lines, and text of others in it, which is escaped when it is written.</summary>
    public required string Text { get; init; }

    /// <summary>Writes the members.</summary>
    public void WriteMembers(Utf8JsonWriter json)
    {
        foreach (var member in Reply.EnumerateObject())
        {
            member.WriteTo(json);
        }
    }
}
