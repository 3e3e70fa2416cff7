using Kvmi.Policy.Containment.Tests.Running;
using Kvmi.Policy.Engine.Summary;

namespace Kvmi.Policy.Containment.Tests;

/// <summary>What the innocent policy does when it is alone; made once.</summary>
public sealed class InnocentRun : IAsyncLifetime
{
    private PolicySummary? _alone;

    /// <inheritdoc/>
    public async ValueTask InitializeAsync()
    {
        using var folder = new CorpusFolder(null);
        var run = await CorpusRun.PlayAsync(folder);
        Assert.Empty(run.Findings);
        _alone = run.Of(CorpusFolder.InnocentId);
        Assert.True(_alone.Events >= 50, $"{_alone.Events} events; guest: {run.Guest!.EventCount} {run.Guest.End} {run.Guest.FailureReason}");
        Assert.NotEqual(0, _alone.Alerts);
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    internal void AssertSame(CorpusRun run)
    {
        var beside = run.Of(CorpusFolder.InnocentId);
        Assert.Equal(_alone!.Events, beside.Events);
        Assert.Equal(_alone.Decisions, beside.Decisions);
        Assert.Equal(_alone.Alerts, beside.Alerts);
        Assert.Equal(_alone.Facts.Select(fact => (fact.Name, fact.Value)), beside.Facts.Select(fact => (fact.Name, fact.Value)));
        Assert.Equal(0, beside.Errors);
    }
}
