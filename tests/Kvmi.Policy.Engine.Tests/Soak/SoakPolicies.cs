using Kvmi.Policy.Engine.Generations;
using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Plugins;
using Kvmi.Policy.Engine.Summary;
using Kvmi.Policy.Engine.Tests.Runtime;
using Kvmi.Protocol;
using static Kvmi.Policy.Engine.Tests.Scripting.Policies;

namespace Kvmi.Policy.Engine.Tests.Soak;

/// <summary>Honest and bad policies in random sets: real scripts, and one of native code that keeps its thread now and then.</summary>
internal sealed class SoakPolicies
{
    private const string Usings = "using System.Linq; using System.Collections.Generic; ";

    private static readonly PolicySubscription[] All =
    [
        EngineBench.On(EventKind.Cr, new EventFilter { Cr = 3 }), EngineBench.On(EventKind.Msr), EngineBench.On(EventKind.PageFault),
        EngineBench.On(EventKind.Breakpoint), EngineBench.On(EventKind.Descriptor), EngineBench.On(EventKind.Hypercall),
    ];

    // What one of them does at a CR event; all allow at the other kinds, and say so once in a while.
    private static readonly (string Id, string Statements, PolicyBudget Budget)[] Kinds =
    [
        ("honest", "if (n % 7 == 0) Alert(\"seventh\", new { e.New, n });", PolicyBudget.Default),
        ("keeper", "if (n % 11 == 0) return Keep(e.New);", PolicyBudget.Default),
        ("patcher", "Memory.TryWritePhysical(0x7002000 + (ulong)(n % 64) * 8, new byte[] { (byte)n, 0xAB, 0xCD });", PolicyBudget.Default),
        ("guard", "Pages.Set(0x1E00000, (n & 1) == 0 ? Access.ReadWrite : Access.All);", PolicyBudget.Default),
        ("thrower", "if (n % 5 == 0) throw new InvalidOperationException(\"bad day\");", PolicyBudget.Default),
        ("glutton", "if (n % 40 == 0) while (true) { }", new PolicyBudget(20_000, 1 << 20)),
        ("hoarder", "if (n % 40 == 1) { var list = new List<byte[]>(); while (true) list.Add(new byte[10000]); }", new PolicyBudget(5_000_000, 1 << 20)),
        ("deep", "if (n % 40 == 2) Deep(1);", PolicyBudget.Default),
        ("slow", "if (n % 60 == 3) while (true) { }", new PolicyBudget(long.MaxValue / 4, 1 << 20) { Timeout = TimeSpan.FromMilliseconds(20) }),
    ];

    private readonly GenerationBuilder _builder;
    private readonly PolicyStatistics _native = new("native");
    private Generation? _previous;
    private int _calls;
    private int _number;

    public SoakPolicies(TimeProvider time) => _builder = new GenerationBuilder(Compiler, new CollectiblePluginLoader(), time);

    /// <summary>Ids of all policies.</summary>
    public static IEnumerable<string> Ids => Kinds.Select(kind => kind.Id).Append("native");

    public int GenerationsAlive => _builder.GenerationsAlive;

    public int Failed { get; private set; }

    public int Loaded { get; private set; }

    public int Unloaded { get; private set; }

    /// <summary>Builds a set and swaps it in; a set with a fault changes nothing.</summary>
    public void Reload(PolicyEngine engine, Random random)
    {
        var chosen = Kinds.Where(_ => random.Next(3) != 0).Select(kind => Define(kind, random)).ToList();
        var broken = random.Next(5) == 0;
        if (broken)
        {
            chosen.Add(Inline("broken", "Decision OnEvent(CrEvent e) => Nothing;", All[..1]));
        }

        var result = _builder.Build(chosen, PluginCatalog.Empty, _previous);
        Assert.Equal(broken, result.Generation is null);
        if (result.Generation is not { } generation)
        {
            Failed++;
            return;
        }

        GenerationPolicy[] policies = random.Next(2) == 0 ? [.. generation.Policies] : [.. generation.Policies, Native()];
        engine.Swap(new Generation(++_number, policies, new Release(generation)));
        _previous = generation;
        Loaded++;
    }

    /// <summary>Takes all policies away.</summary>
    public void Unload(PolicyEngine engine)
    {
        engine.Swap(new Generation(++_number, [], new Nothing()));
        Unloaded++;
    }

    private static PolicyDefinition Define((string Id, string Statements, PolicyBudget Budget) kind, Random random) =>
        Inline(
            kind.Id,
            Usings + $$"""
            var n = 0;
            Decision OnEvent(CrEvent e) { n++; {{kind.Statements}} return Allow; }
            Decision OnMsr(MsrEvent e) { if (++n % 9 == 0) Alert("msr"); return Allow; }
            Decision OnFault(PageFaultEvent e) { Pages.Set(e.Gpa, Access.All); return Retry; }
            Decision OnBreakpoint(BreakpointEvent e) => Allow;
            Decision OnDescriptor(DescriptorEvent e) { Record("descriptor"); return Allow; }
            Decision OnHypercall(HypercallEvent e) => Allow;
            int Deep(int x) => Deep(x + 1) + 1;
            """,
            [.. All.Zip((string[])["OnEvent", "OnMsr", "OnFault", "OnBreakpoint", "OnDescriptor", "OnHypercall"], (on, name) => on with { Handler = name })]) with
        {
            Mode = random.Next(4) == 0 ? PolicyMode.Audit : PolicyMode.Enforce,
            Budget = kind.Budget,
            State = new PolicyStateSettings(PolicyStateScope.Vm, random.Next(2) == 0),
            OnError = new PolicyErrorHandling(DecisionKind.Allow, 4, TimeSpan.FromMinutes(1)),
        };

    private GenerationPolicy Native() => new(
        EngineBench.Define("native", EngineBench.OnCr3) with
        {
            Budget = PolicyBudget.Default with { Timeout = TimeSpan.FromMilliseconds(20) },
            OnError = new PolicyErrorHandling(DecisionKind.Allow, 4, TimeSpan.FromMinutes(1)),
        },
        new Factory(this),
        _native);

    private Decision Hang()
    {
        // Native code cannot be stopped: the thread is given up, and comes back long after.
        if (Interlocked.Increment(ref _calls) % 400 == 0)
        {
            using var never = new ManualResetEventSlim();
            never.Wait(TimeSpan.FromSeconds(1));
        }

        return Decision.Allow;
    }

    private sealed class Factory(SoakPolicies soak) : Code.IPolicyFactory
    {
        public Code.BoundPolicy Create(IPolicyServices services) => new(null, [EngineBench.Cr(soak.Hang)]);
    }

    private sealed class Nothing : IDisposable
    {
        public void Dispose()
        {
        }
    }

    private sealed class Release(Generation generation) : IDisposable
    {
        public void Dispose() => generation.Release();
    }
}
