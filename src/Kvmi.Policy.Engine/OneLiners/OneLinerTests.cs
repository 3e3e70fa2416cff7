using System.Globalization;
using System.Text;
using Kvmi.Policy.Engine.Configuration.Reading;
using Kvmi.Protocol;

namespace Kvmi.Policy.Engine.OneLiners;

/// <summary>The tests of the policy that a one-liner stands for.</summary>
public static class OneLinerTests
{
    /// <summary>Writes them, four columns deep, as spec.tests wants them.</summary>
    /// <param name="line">The one-liner.</param>
    /// <returns>Null when its condition says more than can be turned round into an event.</returns>
    public static string? Of(OneLiner line)
    {
        ArgumentNullException.ThrowIfNull(line);
        if (EventExample.Of(line) is not { } fields)
        {
            return null;
        }

        var with = string.Join(", ", fields.Select(field => $"{field.Name}: {field.Value}"));
        var seen = new StringBuilder();
        seen.Append(CultureInfo.InvariantCulture, $"alerts: [{string.Join(", ", line.Outcome.Alerts)}]");
        if (line.Outcome.Records.Count > 0)
        {
            seen.Append(CultureInfo.InvariantCulture, $", records: [{string.Join(", ", line.Outcome.Records)}]");
        }

        // In audit mode a page is released, and what then happens to the access depends on who else watches it.
        var audit = line.Decision == DecisionKind.Allow ? "decision: allow, "
            : $"{(line.Event.Kind == EventKind.PageFault ? "" : "decision: allow, ")}wouldHave: {DecisionWords.NameOf(line.Decision)}, ";
        var tests = new StringBuilder();
        Add("audit reports", "audit", audit + seen);

        // Skipping needs the instruction, and the guest of a test has no code until the author gives it some.
        if (line.Decision != DecisionKind.Skip)
        {
            Add("enforce decides", "enforce", $"decision: {DecisionWords.NameOf(line.Decision)}, {seen}");
        }

        return tests.ToString().TrimEnd('\n');

        void Add(string name, string mode, string expect) => tests.Append(
            CultureInfo.InvariantCulture,
            $"    - name: {name}\n      mode: {mode}\n      steps:\n        - event: {line.Event.Name}\n          with: {{ {with} }}\n          expect: {{ {expect} }}\n");
    }
}
