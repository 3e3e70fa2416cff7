using Kvmi.Policy.Engine.Generations;
using Kvmi.Policy.Engine.Output;
using Kvmi.Policy.Engine.Reload;

namespace Kvmi.Policy.Host.Output;

/// <summary>What a line about a reload tells besides its sentence.</summary>
internal static class ReloadFields
{
    private const int MostNames = 10;

    /// <summary>The fields of <c>loaded</c>, <c>load-failed</c>, <c>reloaded</c> and <c>reload-failed</c>.</summary>
    public static IReadOnlyList<OutputField> Of(ReloadReport report) =>
    [
        new("generation", (long)report.Generation),
        new("policies", (long)report.Policies),
        .. report.IsShadow ? (OutputField[])[new("shadowGeneration", (long)report.ShadowGeneration)] : [],
        new("buildMilliseconds", Milliseconds(report.BuildTime)),
        new("settleMilliseconds", Milliseconds(report.SettleTime)),
        new("readMilliseconds", Milliseconds(report.ReadTime)),
        new("compileMilliseconds", Milliseconds(report.CompileTime)),
        new("loadMilliseconds", Milliseconds(report.LoadTime)),
        new("testMilliseconds", Milliseconds(report.TestTime)),
        new("swapMilliseconds", Milliseconds(report.SwapTime)),
        new("compiled", (long)report.CompiledScripts),
        new("cached", (long)report.CachedScripts),
        new("testsPassed", (long)report.TestsPassed),
        new("testsFailed", (long)report.TestsFailed),
        new("files", report.ChangedFiles.Count <= 3 ? string.Join(' ', report.ChangedFiles) : $"{report.ChangedFiles.Count} files"),
        new("changes", Changes(report)),
        new("generationsAlive", (long)report.GenerationsAlive),
        new("generationsPinned", (long)report.EarlierGenerations.Count(generation => generation.Hold == GenerationHold.Pinned)),
    ];

    /// <summary>Milliseconds to a tenth.</summary>
    public static double Milliseconds(TimeSpan time) => Math.Round(time.TotalMilliseconds, 1);

    // "lstar-lock 1.2.0 -> 1.3.0", "wx-guard 1.0.0 added"; the first ones only.
    private static string Changes(ReloadReport report)
    {
        var texts = report.PolicyChanges.Take(MostNames).Select(change => change.Kind switch
        {
            PolicyChangeKind.Added => $"{change.Policy} {change.Version} added",
            PolicyChangeKind.Removed => $"{change.Policy} {change.VersionBefore} removed",
            _ when change.VersionBefore != change.Version => $"{change.Policy} {change.VersionBefore} -> {change.Version}",
            _ => $"{change.Policy} {change.Version} changed",
        } + (change.KeepsState == false ? " (state dropped)" : ""));
        var more = report.PolicyChanges.Count - MostNames;
        return string.Join(", ", more > 0 ? texts.Append($"{more} more") : texts);
    }
}
