using Kvmi.Policy.Engine.Output;

namespace Kvmi.Policy.Testing.Hosting;

/// <summary>What policies said: while a VM was attached or detached, or about one event.</summary>
public record TestOutput
{
    /// <summary>Alerts in their order.</summary>
    public required IReadOnlyList<TestNotice> Alerts { get; init; }

    /// <summary>Records in their order.</summary>
    public required IReadOnlyList<TestNotice> Records { get; init; }

    /// <summary>
    /// What went wrong, one sentence each: a policy was refused, a handler threw or gave an answer that is not legal, a policy was taken out of
    /// service, a lease failed. A test of a policy that works wants this empty.
    /// </summary>
    public required IReadOnlyList<string> Problems { get; init; }

    /// <summary>Every line of output as the host would write it, the above included.</summary>
    public required IReadOnlyList<OutputRecord> Lines { get; init; }

    internal static TestOutput Of(IReadOnlyList<OutputRecord> lines) => new()
    {
        Alerts = Notices(lines, areAlerts: true),
        Records = Notices(lines, areAlerts: false),
        Problems = Policies.PolicyTestRunner.Troubles(lines),
        Lines = lines,
    };

    private protected static IReadOnlyList<TestNotice> Notices(IReadOnlyList<OutputRecord> lines, bool areAlerts) =>
        [.. lines.OfType<NoticeOutput>().Where(notice => notice.IsAlert == areAlerts).Select(TestNotice.Of)];
}
