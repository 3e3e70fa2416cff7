using Kvmi.Policy.Engine.Findings;
using Kvmi.Policy.Engine.Generations;

namespace Kvmi.Policy.Engine.Reload;

/// <summary>What became of one reload.</summary>
public sealed record ReloadReport
{
    /// <summary>True when a new generation went live, or runs as shadow; false when nothing changed.</summary>
    public required bool Success { get; init; }

    /// <summary>Errors and warnings of files, scripts and plugins.</summary>
    public required IReadOnlyList<Finding> Findings { get; init; }

    /// <summary>The files whose content differs from the reload before, ordered; empty when it was asked for explicitly and nothing changed.</summary>
    public required IReadOnlyList<string> ChangedFiles { get; init; }

    /// <summary>The policies that are added, changed or removed, ordered by id; compared with what was live before. Empty when it failed before that was known.</summary>
    public IReadOnlyList<PolicyChange> PolicyChanges { get; init; } = [];

    /// <summary>
    /// True when the new generation does not decide: it runs beside the live one as <see cref="ShadowGeneration"/> until it is promoted or discarded.
    /// </summary>
    public bool IsShadow => ShadowGeneration > 0;

    /// <summary>Number of the generation that began to run as shadow; 0 when none did.</summary>
    public int ShadowGeneration { get; init; }

    /// <summary>From the first look that saw a change until the files had been left alone for long enough.</summary>
    public TimeSpan SettleTime { get; init; }

    /// <summary>The part of <see cref="BuildTime"/> that reading and validating the policy files took.</summary>
    public TimeSpan ReadTime { get; init; }

    /// <summary>The part of <see cref="BuildTime"/> that loading plugins and scripts took.</summary>
    public TimeSpan LoadTime { get; init; }

    /// <summary>Time for the tests of the added and changed policies.</summary>
    public TimeSpan TestTime { get; init; }

    /// <summary>Tests that passed.</summary>
    public int TestsPassed { get; init; }

    /// <summary>Tests that failed; each has a finding.</summary>
    public int TestsFailed { get; init; }

    /// <summary>Time for reading, compiling and loading.</summary>
    public required TimeSpan BuildTime { get; init; }

    /// <summary>The part of <see cref="BuildTime"/> that compiling scripts took.</summary>
    public required TimeSpan CompileTime { get; init; }

    /// <summary>Scripts that were compiled for it.</summary>
    public required int CompiledScripts { get; init; }

    /// <summary>Scripts that had been compiled before, by this process or, with a compile cache, by an earlier one.</summary>
    public required int CachedScripts { get; init; }

    /// <summary>Time of the swap itself.</summary>
    public required TimeSpan SwapTime { get; init; }

    /// <summary>Number of the live generation after this reload; 0 when there is none.</summary>
    public required int Generation { get; init; }

    /// <summary>How many policies the live generation has.</summary>
    public required int Policies { get; init; }

    /// <summary>The generations before the live one whose code is still in memory, oldest first, with the reason.</summary>
    public IReadOnlyList<EarlierGeneration> EarlierGenerations { get; init; } = [];

    /// <summary>Generations with code in memory, the live one included. One that only grows means that something holds old code.</summary>
    public required int GenerationsAlive { get; init; }
}
