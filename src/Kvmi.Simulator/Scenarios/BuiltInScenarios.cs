namespace Kvmi.Simulator.Scenarios;

/// <summary>The scenarios that need no file.</summary>
internal static class BuiltInScenarios
{
    /// <summary>Their names.</summary>
    public static IReadOnlyList<string> Names { get; } = ["boot", "default", "load"];

    /// <summary>Makes a built-in scenario.</summary>
    /// <param name="name">One of <see cref="Names"/>.</param>
    /// <param name="seed">Varies the lengths of the quiet stretches between the attacks.</param>
    /// <returns>Null when there is none of this name.</returns>
    public static Scenario? Find(string name, ulong seed) => name switch
    {
        // Only what every guest does at start: LSTAR and its neighbours are set once, paging and CR4 bits come on.
        "boot" => new Scenario { Title = name, Seed = seed, Steps = [new ScenarioStep("boot", null, 1)] },
        "default" => CreateDefault(seed),

        // As many CR3 writes as the tool can answer, for ever.
        "load" => new Scenario { Title = name, Seed = seed, Steps = [new ScenarioStep("process-switches", null, 0)] },
        _ => null,
    };

    /// <summary>Ordinary work, then one attack after the other on vCPU 0 while the other vCPUs go on working.</summary>
    private static Scenario CreateDefault(ulong seed)
    {
        var state = seed;
        return new Scenario
        {
            Title = "default",
            Seed = seed,
            Steps =
            [
                new ScenarioStep("process-switches", null, 40 + Next(ref state, 20)),
                new ScenarioStep("lstar-hijack", 0, 1),
                new ScenarioStep("syscalls", 0, 3),
                new ScenarioStep("process-switches", null, 10 + Next(ref state, 20)),
                new ScenarioStep("wx-violation", 0, 1),
                new ScenarioStep("process-switches", null, 10 + Next(ref state, 20)),
                new ScenarioStep("smep-clear", 0, 1),
                new ScenarioStep("process-switches", null, 20 + Next(ref state, 20)),
            ],
        };
    }

    // SplitMix64: small, and the same on every runtime.
    private static long Next(ref ulong state, ulong below)
    {
        var z = state += 0x9E37_79B9_7F4A_7C15;
        z = (z ^ (z >> 30)) * 0xBF58_476D_1CE4_E5B9;
        z = (z ^ (z >> 27)) * 0x94D0_49BB_1331_11EB;
        return (long)((z ^ (z >> 31)) % below);
    }
}
