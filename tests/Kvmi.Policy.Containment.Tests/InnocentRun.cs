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

        // How far the second vCPU is when the first ends varies by an event or two; what the policy prevents does not.
        Assert.InRange(beside.Events, _alone!.Events - 4, _alone.Events + 4);
        Assert.Equal(_alone.Decisions[DecisionKind.Keep], beside.Decisions[DecisionKind.Keep]);
        Assert.Equal(beside.Events, beside.Decisions.Values.Sum());
        Assert.Equal(_alone.Alerts, beside.Alerts);
        Assert.Equal(0, beside.Errors);
    }
}
