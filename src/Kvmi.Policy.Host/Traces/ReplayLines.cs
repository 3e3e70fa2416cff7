using Kvmi.Policy.Engine.Output;
using Kvmi.Policy.Engine.Summary;
using Kvmi.Policy.Host.Output;
using Kvmi.Policy.Host.Output.Records;
using Kvmi.Policy.Testing.Replay;

namespace Kvmi.Policy.Host.Traces;

/// <summary>What replay writes of a step and at the end, of traces and of captures.</summary>
internal static class ReplayLines
{
    /// <summary>What the policies said. Decisions are left out: the replay's own lines say more.</summary>
    public static List<OutputRecord> Of(IEnumerable<OutputRecord> output) => [.. output.Where(record => record is not DecisionOutput)];

    /// <summary>The policies that had events.</summary>
    public static List<OutputRecord> Of(EngineSummary summary, DateTimeOffset now) =>
        [.. summary.Policies.Where(policy => policy.Events > 0).Select(policy => new PolicySummaryOutput { Time = now, Summary = policy })];

    /// <summary>The line of a step.</summary>
    public static ReplayOutput Of(ReplayStep step, DateTimeOffset now) => new()
    {
        Time = now,
        Vm = step.Vm,
        Vcpu = step.Vcpu,
        Event = step.Event,
        Sequence = step.Sequence,
        Subject = step.Subject,
        Decision = step.Decision,
        Value = step.Value,
        Policy = step.Policy,
        WouldHave = step.WouldHave,
        RecordedAction = step.RecordedAction,
        RecordedValue = step.RecordedValue,
        Match = Words.CamelCase(step.Match.ToString()),
        Reason = step.EventNumber != 0 || step.NotRecorded.Count == 0 ? step.Reason : $"{step.Reason} Not recorded: {string.Join(", ", step.NotRecorded)}.",
        Number = step.EventNumber == 0 ? null : step.EventNumber,
        RecordedDecision = step.Recorded?.Decision,
        IsSame = step.IsSame,
    };

    /// <summary>Tells on stderr what is wrong with the file.</summary>
    public static void Report(string path, IEnumerable<string> problems)
    {
        foreach (var problem in problems)
        {
            Console.Error.WriteLine($"kvmi-policy: {path}: {problem}");
        }
    }
}
