using System.Globalization;
using System.Text;
using Kvmi.Policy.Host.Control.Contract;

namespace Kvmi.Policy.Host.Output;

/// <summary>What became of a reload, for people.</summary>
internal static class TextReload
{
    public static string Of(ReloadReply reload)
    {
        if (!reload.Success)
        {
            return $"Generation {reload.Generation} stays live: the files have errors, reported above.";
        }

        var text = new StringBuilder();
        if (reload.ShadowGeneration is { } shadow)
        {
            text.Append(CultureInfo.InvariantCulture, $"Generation {shadow} runs as shadow: promote makes it live, discard drops it.\n");
        }

        text.Append(CultureInfo.InvariantCulture,
            $"Generation {reload.Generation} is live with {Words.Count(reload.Policies, "policy", "policies")}, built in {reload.BuildMilliseconds:0} ms");
        text.Append(CultureInfo.InvariantCulture, $" ({reload.CompiledScripts} compiled, {reload.CachedScripts} from the cache)");
        text.Append(reload.TestsPassed == 0 ? "." : string.Create(CultureInfo.InvariantCulture, $"; {Words.Count(reload.TestsPassed, "test")} passed in {reload.Times.Test:0} ms."));
        foreach (var change in reload.Changes)
        {
            text.Append("\n    ").Append(change.Policy).Append(' ').Append(change switch
            {
                { Change: "added" } => $"{change.Version}: added",
                { Change: "removed" } => $"{change.VersionBefore}: removed",
                _ when change.VersionBefore == change.Version => $"{change.Version}: changed",
                _ => $"{change.VersionBefore} -> {change.Version}",
            });
            text.Append(change.KeepsState switch { true => ", keeps its state", false => ", begins with no state", null => "" });
        }

        foreach (var generation in reload.EarlierGenerations)
        {
            text.Append(CultureInfo.InvariantCulture, $"\n    generation {generation.Number} is still in memory, {Why(generation.Hold)}: {string.Join("; ", generation.Code)}");
        }

        return text.ToString();
    }

    private static string Why(string hold) => hold switch
    {
        "inUse" => "because a VM uses it",
        "pinned" => "although nothing of this tool uses it",
        _ => "until the next garbage collections",
    };
}
