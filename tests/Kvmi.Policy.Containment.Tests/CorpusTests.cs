using Kvmi.Policy.Containment.Tests.Running;
using Kvmi.Policy.Engine.Findings;
using Kvmi.Policy.Engine.Output;
using Kvmi.Protocol;

namespace Kvmi.Policy.Containment.Tests;

/// <summary>Every hostile policy beside an innocent one: what becomes of it, and that nobody else notices.</summary>
public sealed class CorpusTests(InnocentRun innocent) : IClassFixture<InnocentRun>
{
    public static TheoryData<string> Loaded => Named(CorpusOutcome.NotStarted, CorpusOutcome.Stopped, CorpusOutcome.Error, CorpusOutcome.Harmless, CorpusOutcome.Leaks);

    public static TheoryData<string> Refused => Named(CorpusOutcome.Refused);

    [Theory]
    [MemberData(nameof(Refused))]
    public async Task What_cannot_be_bounded_is_refused_at_its_line(string name)
    {
        var hostile = CorpusCase.Find(name);
        using var folder = new CorpusFolder(hostile);
        var run = await CorpusRun.PlayAsync(folder);
        Assert.Null(run.Guest);
        var code = hostile.Words.Split(' ')[0];
        var finding = run.Findings.FirstOrDefault(finding => finding.Severity == FindingSeverity.Error && finding.Code == code);
        Assert.True(finding is not null, $"no {code} among: {string.Join('\n', run.Findings)}");
        Assert.EndsWith("hostile.csx", finding.Location.File, StringComparison.Ordinal);

        // What has no body has no line in the symbols either.
        Assert.Equal(hostile.Words == code, finding.Location.Line >= 3);
    }

    [Theory]
    [MemberData(nameof(Loaded))]
    public async Task What_is_loaded_disturbs_nobody(string name)
    {
        var hostile = CorpusCase.Find(name);
        using var folder = new CorpusFolder(hostile);
        var run = await CorpusRun.PlayAsync(folder);
        Assert.DoesNotContain(run.Findings, finding => finding.Severity == FindingSeverity.Error);
        AssertEverythingAnswered(run);
        innocent.AssertSame(run);
        AssertFate(hostile, run);
        Assert.Equal(0, run.GenerationsAlive);
        Assert.InRange(run.HeapGrowth, long.MinValue, CorpusRun.HeapBound);
        Assert.All(run.Output.OfType<StatusOutput>(), line => Assert.InRange(line.Message.Length, 0, 2048));
    }

    [Fact]
    public void The_corpus_is_large_and_has_every_outcome()
    {
        Assert.InRange(CorpusCase.All.Count, 40, int.MaxValue);
        Assert.Equal(Enum.GetValues<CorpusOutcome>(), CorpusCase.All.Select(hostile => hostile.Outcome).Distinct().Order());
    }

    [Fact]
    public void The_page_lists_every_case_and_what_becomes_of_it()
    {
        var page = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "containment.md"));
        var table = ContainmentPage.Table();
        if (Environment.GetEnvironmentVariable("KVMI_POLICY_ACCEPT_PAGE") is { Length: > 0 } target)
            File.WriteAllText(target, ContainmentPage.Replace(page, table));
        else
            Assert.Equal(table, ContainmentPage.TableIn(page));
    }

    internal static TheoryData<string> Named(params CorpusOutcome[] outcomes) =>
        [.. CorpusCase.All.Where(hostile => outcomes.Contains(hostile.Outcome)).Select(hostile => hostile.Name)];

    private static void AssertEverythingAnswered(CorpusRun run)
    {
        var guest = run.Guest!;
        Assert.True(guest.EndedAsWritten, guest.FailureReason);

        // UNHOOK expects no reply.
        Assert.Equal(guest.EventCount - guest.Events.GetValueOrDefault(EventKind.Unhook), guest.ReplyCount);
        Assert.NotEqual(0, guest.ReplyCount);
    }

    private static void AssertFate(CorpusCase hostile, CorpusRun run)
    {
        var quarantined = run.Statuses("quarantined", CorpusFolder.HostileId);
        var errors = run.Statuses("policy-error", CorpusFolder.HostileId);
        switch (hostile.Outcome)
        {
            case CorpusOutcome.NotStarted:
                Assert.Contains(hostile.Words, Assert.Single(run.Statuses("refused", CorpusFolder.HostileId)), StringComparison.Ordinal);
                break;
            case CorpusOutcome.Stopped or CorpusOutcome.Error:
                if (run.Statuses("timeout", CorpusFolder.HostileId).Length > 0)
                {
                    // A slow machine: the deadline was there before the limit, and one is enough.
                    break;
                }

                Assert.Single(quarantined);
                Assert.Contains(errors, message => message.Contains(hostile.Words, StringComparison.Ordinal));
                Assert.Equal(3, run.Of(CorpusFolder.HostileId).Errors);
                break;
            default:
                Assert.Empty(errors);
                Assert.Empty(quarantined);
                Assert.NotEqual(0, run.Of(CorpusFolder.HostileId).Events);
                break;
        }
    }
}
