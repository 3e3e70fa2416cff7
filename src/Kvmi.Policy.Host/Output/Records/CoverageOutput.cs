using System.Text;
using System.Text.Json;
using Kvmi.Policy.Engine.Output;
using Kvmi.Policy.Engine.Scripting.Coverage;

namespace Kvmi.Policy.Host.Output.Records;

/// <summary>What the tests ran of one policy.</summary>
internal sealed record CoverageOutput : OutputRecord
{
    public required PolicyCoverage Coverage { get; init; }

    /// <summary>The heads of the columns, before the first policy.</summary>
    public string? Header { get; init; }

    /// <summary>The line for people.</summary>
    public required string Text { get; init; }

    /// <summary>Writes the members.</summary>
    public void WriteJson(Utf8JsonWriter json)
    {
        json.WriteString("policy", Coverage.Policy);
        json.WriteNumber("hitHandlers", Coverage.HitHandlers);
        json.WriteNumber("handlers", Coverage.Handlers.Count);
        json.WriteNumber("hitLines", Coverage.HitLines);
        json.WriteNumber("lines", Coverage.Lines);
        json.WriteNumber("hitBranches", Coverage.HitBranches);
        json.WriteNumber("branches", Coverage.Branches);
        if (Coverage.NotMeasured is { } reason)
        {
            json.WriteString("reason", reason);
        }

        json.WriteStartArray("notRun");
        foreach (var handler in Coverage.Handlers.Where(handler => handler.Hits == 0))
        {
            Place(json, handler.Location.File, handler.Location.Line);
        }

        foreach (var file in Coverage.Files)
        {
            foreach (var line in file.Lines.Where(line => line.Hits == 0 || line.TakenBranches < line.Branches))
            {
                Place(json, file.File, line.Line);
            }
        }

        json.WriteEndArray();
    }

    /// <summary>Writes the line for people.</summary>
    public void WriteText(StringBuilder line)
    {
        if (Header is not null)
        {
            line.Append(Header).Append('\n');
        }

        line.AppendSafe(Text);
    }

    private static void Place(Utf8JsonWriter json, string file, int line)
    {
        json.WriteStartObject();
        json.WriteString("file", file);
        json.WriteNumber("line", line);
        json.WriteEndObject();
    }
}
