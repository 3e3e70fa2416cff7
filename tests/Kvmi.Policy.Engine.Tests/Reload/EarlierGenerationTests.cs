using Kvmi.Policy.Engine.Findings;
using Kvmi.Policy.Engine.Generations;

namespace Kvmi.Policy.Engine.Tests.Reload;

/// <summary>What the report of a reload says about code that is still in memory.</summary>
public sealed class EarlierGenerationTests
{
    [Fact]
    public async Task One_that_is_used_one_that_waits_and_those_that_something_holds_are_told_apart()
    {
        await using var live = new LiveReload();
        live.Save("p", 1);
        await live.Start();
        var held = new List<object>();
        var first = live.Bench.Engine.Current;
        Assert.True(first!.TryAcquire());
        live.Save("p", 2);
        var report = await live.Reload();
        var earlier = Assert.Single(report.EarlierGenerations);
        Assert.Equal((1, GenerationHold.InUse), (earlier.Number, earlier.Hold));
        Assert.Equal(["scripts of p"], earlier.Code);
        live.Answer();
        first.Release();
        first = null;

        // A static field of somebody's keeps each generation's code from here on.
        for (ulong version = 3; version <= 6; version++)
        {
            held.Add(live.Bench.Engine.Current!.Policies[0].Factory);
            live.Save("p", version);
            Assert.True((await live.Reload()).Success);
            live.Answer();
        }

        Assert.DoesNotContain(live.Reports, each => each.Findings.Any(finding => finding.Code == "KP0619"));
        Collect();
        report = await live.Reload();
        Assert.True(report.Success);
        Assert.All(report.EarlierGenerations.Where(generation => generation.Number is >= 2 and <= 5), generation =>
        {
            Assert.Equal(GenerationHold.Pinned, generation.Hold);
            Assert.Equal(["scripts of p"], generation.Code);
        });
        Assert.Equal(4, report.Findings.Count(finding => finding.Code == "KP0521"));
        var warning = Assert.Single(report.Findings, finding => finding.Code != "KP0521");
        Assert.Equal((FindingSeverity.Warning, "KP0619"), (warning.Severity, warning.Code));
        Assert.Contains("4 earlier generations", warning.Message, StringComparison.Ordinal);
        Assert.Contains("scripts of p (4 times)", warning.Message, StringComparison.Ordinal);

        // Told once for a number.
        Assert.Empty((await live.Reload()).Findings);
        GC.KeepAlive(held);
    }

    private static void Collect()
    {
        for (var i = 0; i < 6; i++)
        {
#pragma warning disable RS0030 // The product never forces a collection; telling who is held needs some.
            GC.Collect();
#pragma warning restore RS0030
            GC.WaitForPendingFinalizers();
        }
    }
}
