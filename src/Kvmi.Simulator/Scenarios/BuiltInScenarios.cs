using Kvmi.Simulator.DeviceManager;
using Kvmi.Simulator.Transport.Faults;

namespace Kvmi.Simulator.Scenarios;

/// <summary>The scenarios that need no file. A new one is one line here.</summary>
internal static class BuiltInScenarios
{
    // sce-clear is the last: after it vCPU 0 makes no more system calls.
    private static readonly string[] Attacks =
    [
        "lstar-hijack", "idt-patch", "wx-violation", "ret2usr", "smep-clear", "smap-clear", "umip-clear", "wp-clear",
        "entry-patch", "idtr-load", "sysenter-hijack", "sfmask-weaken", "apic-move", "vmx-on", "sce-clear",
    ];

    private static readonly SortedDictionary<string, Entry> Entries = new(StringComparer.Ordinal)
    {
        ["attacks"] = new("ordinary work on every vCPU, and every attack program, one after the other, on vCPU 0", CreateAttacks),
        ["boot"] = new("only what every guest does at start: LSTAR and its neighbours are set once, control bits come on", _ => [Step("boot")]),
        ["default"] = new("ordinary work on every vCPU; vCPU 0 hijacks LSTAR, runs fresh code, clears SMEP", CreateDefault),
        ["faulty"] = new("the default guest on a slow kernel with short writes and overtaking events, which a sound tool survives", CreateDefault)
        {
            Faults = MildFaults,
        },
        ["hot-plug"] = new("ordinary work; vCPU 0 has two more vCPUs plugged in, which work too", random => [Work(10, random), Step("hot-plug", 0, 2), Work(10, random)]),
        ["migration"] = new("ordinary work, a migration, a stop and a continuation, each with a new connection; then vCPU 0 hijacks LSTAR", CreateMigration),
        ["probes"] = new("nothing wrong, but seldom: INT3 in the kernel, the hypercall of an agent, XSETBV, descriptor tables loaded by the kernel", CreateProbes),
        ["load"] = new("process switches as fast as the tool answers, without end", _ => [Step("process-switches", repeat: 0)]),
    };

    /// <summary>Their names with what they do, in alphabetical order.</summary>
    public static IReadOnlyList<CatalogueEntry> All { get; } =
        [.. Entries.Select(entry => new CatalogueEntry(entry.Key, entry.Value.Description))];

    /// <summary>Their names.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. Entries.Keys];

    private static IReadOnlyList<FaultRule> MildFaults =>
    [
        new() { Kind = FaultKind.ShortWrites, On = FaultScope.Any, Times = 0, Probability = 0.25, Bytes = 7 },
        new() { Kind = FaultKind.SlowKernel, On = FaultScope.Any, Times = 0, Probability = 0.02, Delay = TimeSpan.FromMilliseconds(5) },
        new() { Kind = FaultKind.EventBetween, On = FaultScope.Replies, Times = 0, Probability = 0.3, Delay = TimeSpan.FromMilliseconds(5) },
    ];

    /// <summary>Makes a built-in scenario.</summary>
    /// <param name="name">One of <see cref="Names"/>.</param>
    /// <param name="seed">Varies the lengths of the quiet stretches between the attacks, and the faults.</param>
    /// <returns>Null when there is none of this name.</returns>
    public static Scenario? Find(string name, ulong seed) => Entries.TryGetValue(name, out var entry)
        ? new Scenario { Title = name, Seed = seed, Steps = entry.Steps(new SeededRandom(seed)), Faults = entry.Faults }
        : null;

    /// <summary>Ordinary work, then one attack after the other on vCPU 0 while the other vCPUs go on working.</summary>
    private static ScenarioStep[] CreateDefault(SeededRandom random) =>
    [
        Work(40, random),
        Step("lstar-hijack", 0),
        Step("syscalls", 0, 3),
        Work(10, random),
        Step("wx-violation", 0),
        Work(10, random),
        Step("smep-clear", 0),
        Work(20, random),
    ];

    private static ScenarioStep[] CreateMigration(SeededRandom random) =>
    [
        Work(20, random),
        new(VmAction.Migrate),
        Work(20, random),
        new(VmAction.Stop),
        new(VmAction.Continue),
        Step("lstar-hijack", 0),
        Step("syscalls", 0, 3),
        Work(10, random),
    ];

    private static ScenarioStep[] CreateAttacks(SeededRandom random) =>
        [Work(10, random), .. Attacks.SelectMany(attack => new[] { Step(attack, 0), Step("syscalls", 0, 2), Work(2, random) })];

    private static ScenarioStep[] CreateProbes(SeededRandom random) =>
    [
        Work(10, random),
        Step("int3", 0, 2),
        Step("hypercall", 0),
        Step("xsetbv", 0),
        Step("descriptor-loads", 0),
        Work(10, random),
    ];

    private static ScenarioStep Work(long least, SeededRandom random) => Step("process-switches", repeat: least + random.Next(20));

    private static ScenarioStep Step(string program, int? vcpu = null, long repeat = 1) => new(program, vcpu, repeat);

    private sealed record Entry(string Description, Func<SeededRandom, ScenarioStep[]> Steps)
    {
        public IReadOnlyList<FaultRule> Faults { get; init; } = [];
    }
}
