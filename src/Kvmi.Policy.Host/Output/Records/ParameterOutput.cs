using System.Text;
using System.Text.Json;
using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Output;

namespace Kvmi.Policy.Host.Output.Records;

/// <summary>The value of a parameter and who gave it.</summary>
internal sealed record ParameterOutput : OutputRecord
{
    public required string Policy { get; init; }

    public required PolicyParameter Parameter { get; init; }

    /// <summary>Writes the parameters of policies, in the order of policies and names.</summary>
    public static void Write(ResultWriter results, IEnumerable<PolicyDefinition> policies)
    {
        foreach (var policy in policies)
        {
            foreach (var parameter in policy.Parameters.Values.OrderBy(parameter => parameter.Name, StringComparer.Ordinal))
            {
                results.Write(new ParameterOutput { Time = results.Now, Policy = policy.Id, Parameter = parameter });
            }
        }
    }

    /// <summary>The line for people.</summary>
    public void WriteText(StringBuilder line) => line.Append("parameter ").AppendSafe(Policy).Append('/').AppendSafe(Parameter.Name).Append(" = ")
        .AppendSafe(Parameter.ValueText).Append(" (").Append(Words.CamelCase(Parameter.Source.ToString())).Append(", ")
        .AppendSafe(Parameter.ValueLocation.ToString()).Append(')');

    /// <summary>The fields of the JSON line.</summary>
    public void WriteJson(Utf8JsonWriter json)
    {
        json.WriteString("policy", Policy);
        json.WriteString("name", Parameter.Name);
        json.WriteString("value", Parameter.ValueText);
        json.WriteString("source", Words.CamelCase(Parameter.Source.ToString()));
        json.WriteString("file", Parameter.ValueLocation.File);
        json.WriteNumber("line", Parameter.ValueLocation.Line);
        json.WriteNumber("column", Parameter.ValueLocation.Column);
    }
}
