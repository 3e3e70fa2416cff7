using System.Globalization;
using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Output;
using Kvmi.Policy.Testing.Guests;
using Kvmi.Policy.Testing.Rig;
using Kvmi.Protocol;

namespace Kvmi.Policy.Testing.Policies;

/// <summary>Compares what a step expects with what came; each difference is one sentence.</summary>
internal static class ExpectationCheck
{
    public static List<string> Failures(
        PolicyTestExpectation expected, PolicyRig rig, FakeVm vm, int vcpu, IReadOnlyList<OutputRecord> output)
    {
        var outcome = rig.Outcome;
        List<string> failures = [];
        if (expected.Decision is { } decision && outcome.Decision != decision)
        {
            failures.Add($"decision: expected {Word(decision)}, got {Word(outcome.Decision)}; {outcome.Reason} ({outcome.Explanation})");
        }

        if (expected.Value is { } value && outcome.Value != value)
        {
            failures.Add($"value: expected {Hex(value)}, got {(outcome.Value is { } got ? Hex(got) : "none")}");
        }

        if (expected.Exception is { } vector && outcome.Exception?.Vector != vector)
        {
            failures.Add($"exception: expected vector {vector}, got {(outcome.Exception is { } got ? $"vector {got.Vector}" : "none")}");
        }

        if (expected.WouldHave is { } would && outcome.WouldHave != would)
        {
            failures.Add($"wouldHave: expected {Word(would)}, got {(outcome.WouldHave is { } got ? Word(got) : "none")}; {outcome.Reason} ({outcome.Explanation})");
        }

        var notices = output.OfType<NoticeOutput>().ToList();
        Names(failures, "alerts", expected.Alerts, notices.Where(notice => notice.IsAlert));
        Names(failures, "records", expected.Records, notices.Where(notice => !notice.IsAlert));
        foreach (var (gpa, access) in expected.Pages ?? new Dictionary<ulong, PageAccess>())
        {
            var inForce = vm.AccessOf(gpa);
            if (inForce != access)
            {
                failures.Add($"page {Hex(gpa)}: expected {Rights(access)}, got {Rights(inForce)}");
            }
        }

        foreach (var (name, wanted) in expected.Registers ?? new Dictionary<string, ulong>())
        {
            if (!TestEvents.TryGetRegister(in vm.Vcpu(vcpu).Regs, name, out var actual))
            {
                failures.Add($"register '{name}' does not exist: name a general register in lower case, for example rax");
            }
            else if (actual != wanted)
            {
                failures.Add($"register {name}: expected {Hex(wanted)}, got {Hex(actual)}");
            }
        }

        return failures;
    }

    private static void Names(List<string> failures, string what, IReadOnlyList<string>? expected, IEnumerable<NoticeOutput> notices)
    {
        if (expected is null)
        {
            return;
        }

        var actual = notices.Select(notice => notice.Name).ToList();
        if (!actual.SequenceEqual(expected, StringComparer.Ordinal))
        {
            failures.Add($"{what}: expected [{string.Join(", ", expected)}], got [{string.Join(", ", actual)}]");
        }
    }

    private static string Word(DecisionKind kind) => kind.ToString().ToLowerInvariant();

    private static string Hex(ulong value) => string.Create(CultureInfo.InvariantCulture, $"0x{value:x}");

    private static string Rights(PageAccess access) => string.Concat(
        access.HasFlag(PageAccess.Read) ? 'r' : '-',
        access.HasFlag(PageAccess.Write) ? 'w' : '-',
        access.HasFlag(PageAccess.Execute) ? 'x' : '-');
}
