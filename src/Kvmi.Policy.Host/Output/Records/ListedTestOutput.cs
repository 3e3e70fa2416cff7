using System.Text;
using System.Text.Json;
using Kvmi.Policy.Engine.Findings;
using Kvmi.Policy.Engine.Output;

namespace Kvmi.Policy.Host.Output.Records;

/// <summary>A test of a policy that <c>test --list</c> found.</summary>
internal sealed record ListedTestOutput : OutputRecord
{
    public required string Policy { get; init; }

    public required string Test { get; init; }

    /// <summary>Where it is written.</summary>
    public required SourceLocation Location { get; init; }

    /// <summary>Writes the members.</summary>
    public void WriteJson(Utf8JsonWriter json)
    {
        json.WriteString("policy", Policy);
        json.WriteString("test", Test);
        json.WriteString("file", Location.File);
        json.WriteNumber("line", Location.Line);
        json.WriteNumber("column", Location.Column);
    }

    /// <summary>Writes the line for people.</summary>
    public void WriteText(StringBuilder line) => line.AppendSafe(Policy).Append(": ").AppendSafe(Test);
}
