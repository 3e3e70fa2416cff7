using System.Globalization;
using System.Text;
using System.Text.Json;
using Kvmi.Policy.Host.Output.Records;

namespace Kvmi.Policy.Host.Output;

/// <summary>The injected faults in the summary of a run, as JSON and as text; nothing when none were asked for.</summary>
internal static class FaultCounts
{
    public static void Write(Utf8JsonWriter json, FaultSummary? summary)
    {
        if (summary is null)
        {
            return;
        }

        json.WriteString("injectSeed", Words.Hex(summary.Seed));
        json.WriteStartObject("injected");
        foreach (var fault in summary.Faults)
        {
            json.WriteNumber(fault.Name, fault.Injected);
        }

        json.WriteEndObject();
        json.WriteStartObject("injectOpportunities");
        foreach (var fault in summary.Faults)
        {
            json.WriteNumber(fault.Name, fault.Opportunities);
        }

        json.WriteEndObject();
    }

    public static void Write(StringBuilder line, FaultSummary? summary)
    {
        if (summary is not null)
        {
            line.Append("; injected faults: ").AppendJoin(", ", summary.Faults.Select(fault =>
                string.Create(CultureInfo.InvariantCulture, $"{fault.Name} {fault.Injected} of {fault.Opportunities}")));
        }
    }
}
