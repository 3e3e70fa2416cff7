using System.Globalization;
using System.Text;
using Kvmi.Policy.Host.Output.Records;
using Kvmi.Simulator;

namespace Kvmi.Policy.Host.Output;

/// <summary>The text form of a simulation's result.</summary>
internal static class TextSimulation
{
    private const int NameColumn = 18;

    public static void Write(StringBuilder line, CatalogueOutput entry) => line.Append(entry.Section.PadRight(8)).Append(' ')
        .AppendSafe(entry.Entry.Name.PadRight(NameColumn)).Append("  ").AppendSafe(entry.Entry.Description);

    public static void Write(StringBuilder line, SimulationResult result)
    {
        line.Append("guest    scenario ").AppendSafe(result.Scenario).Append(": ")
            .Append(result.EndedAsWritten ? "ended as written" : "did not end as written")
            .Append(CultureInfo.InvariantCulture,
                $" after {result.Duration.TotalSeconds:0.00} s, {Words.Count(result.Vcpus, "vCPU")}, seed {result.Seed}");
        if (result.FailureReason is { } reason)
        {
            line.Append(": ").AppendSafe(reason);
        }

        Counts(line, "events", result.EventCount, result.Events.Select(entry => (Words.Of(entry.Key), entry.Value)));
        Counts(line, "replies", result.ReplyCount, result.Replies.Select(entry => (Words.CamelCase(entry.Key.ToString()), entry.Value)));
        Counts(line, "commands", result.Commands.Values.Sum(), result.Commands.Select(entry => (entry.Key, entry.Value)));
        if (result.CommandErrors.Count > 0)
        {
            Counts(line, "refused", result.CommandErrors.Values.Sum(), result.CommandErrors.Select(entry => (entry.Key, entry.Value)));
        }

        if (result.Faults.Count > 0)
        {
            Counts(line, "faults", result.Faults.Values.Sum(), result.Faults.OrderBy(entry => entry.Key, StringComparer.Ordinal).Select(entry => (entry.Key, entry.Value)));
        }

        foreach (var consequence in result.Consequences)
        {
            line.Append("\n         ").AppendSafe(consequence.Name);
            if (consequence.Vcpu is { } vcpu)
            {
                line.Append(CultureInfo.InvariantCulture, $" (vcpu {vcpu})");
            }

            line.Append(": ").AppendSafe(consequence.Value);
        }
    }

    private static void Counts(StringBuilder line, string name, long total, IEnumerable<(string Name, long Value)> counts)
    {
        line.Append(CultureInfo.InvariantCulture, $"\n         {total} {name}");
        var parts = string.Join(", ", counts.Select(count => string.Create(CultureInfo.InvariantCulture, $"{count.Name} {count.Value}")));
        if (parts.Length > 0)
        {
            line.Append(": ").AppendSafe(parts);
        }
    }
}
