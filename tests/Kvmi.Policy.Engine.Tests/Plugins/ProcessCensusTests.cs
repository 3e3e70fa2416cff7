using Kvmi.Policy.Engine.Generations;
using Kvmi.Policy.Engine.Plugins;
using Kvmi.Policy.Engine.Tests.Scripting;
using Kvmi.Protocol;
using Kvmi.Protocol.Dialects;
using static Kvmi.Policy.Engine.Tests.Scripting.Policies;

namespace Kvmi.Policy.Engine.Tests.Plugins;

/// <summary>The shipped plugin, loaded from its build output as a host loads it.</summary>
public sealed class ProcessCensusTests
{
    private readonly Dictionary<Type, object> _services = [];
    private readonly RecordingServices _pluginServices;
    private readonly Delegate _onCr3;
    private readonly Generation _generation;

    public ProcessCensusTests()
    {
        var catalog = PluginSetLoader.Discover([Path.Combine(AppContext.BaseDirectory, "plugins")]);
        Assert.Empty(catalog.Problems);
        var script = Inline(
            "script",
            """
            using Kvmi.Policy.Plugins.ProcessCensus;

            var census = Service<IProcessCensus>();

            Decision OnCr3(CrEvent e)
            {
                if (!census.TryGetFirstSeen(e.New, out _))
                    Record("new-root", new { root = e.New, known = census.Count, switches = census.TotalSwitches });
                return Allow;
            }
            """,
            On(EventKind.Cr, "OnCr3")) with
        {
            Requires = new() { Plugins = ["process-census"] },
        };
        var times = Inline(
            "times",
            """
            using Kvmi.Policy.Plugins.ProcessCensus;

            var census = Service<IProcessCensus>();

            Decision OnCr3(CrEvent e)
            {
                census.TryGetFirstSeen(e.New, out var first);
                census.TryGetLastSeen(e.New, out var last);
                Record("root", new { from = first.Hour, until = last.Hour, switches = census.Switches(e.New), census.Overflowed });
                return Allow;
            }
            """,
            On(EventKind.Cr, "OnCr3")) with
        {
            Requires = new() { Plugins = ["process-census"] },
        };
        var result = Builder().Build([script, times, Plugin("census", "process-census", "ProcessCensusPolicy", On(EventKind.Cr, "OnCr3"))], catalog, null);
        Assert.Empty(result.Findings);
        _generation = result.Generation!;
        _pluginServices = new(_services);
        _onCr3 = HandlerOf("census", _pluginServices);
    }

    [Fact]
    public void Roots_are_counted_without_pcid_and_no_flush_bit()
    {
        _pluginServices.Now = DateTimeOffset.UnixEpoch.AddHours(1);
        Write(0x1000);
        Write(0x2001);
        _pluginServices.Now = DateTimeOffset.UnixEpoch.AddHours(2);
        Write(0x8000_0000_0000_2000);
        Assert.Equal(Decision.Allow, DecideCr(_onCr3, CrMessage(0, 0x99, cr: 4)));
        Assert.Equal(2, Fact("address spaces"));
        Assert.Equal(3, Fact("switches"));
        Assert.Equal(0, Fact("overflowed"));
    }

    [Fact]
    public void A_script_asks_the_census()
    {
        var services = new RecordingServices(_services);
        var script = HandlerOf("script", services);
        foreach (var root in new ulong[] { 0x1000, 0x2000, 0x1000 })
        {
            DecideCr(script, CrMessage(0, root));
            Write(root);
        }

        Assert.Equal(
            [
                "new-root { root = 4096, known = 0, switches = 0 }",
                "new-root { root = 8192, known = 1, switches = 1 }",
            ],
            services.Alerts);
    }

    [Fact]
    public void Times_and_switches_are_kept_per_root()
    {
        _pluginServices.Now = DateTimeOffset.UnixEpoch.AddHours(1);
        Write(0x1000);
        _pluginServices.Now = DateTimeOffset.UnixEpoch.AddHours(3);
        Write(0x1000);
        var services = new RecordingServices(_services);
        DecideCr(HandlerOf("times", services), CrMessage(0, 0x1000));
        Assert.Equal(["root { from = 1, until = 3, switches = 2, Overflowed = 0 }"], services.Alerts);
    }

    [Fact]
    public void The_census_is_bounded()
    {
        for (ulong root = 0; root < 5000; root++)
            Write(root << 12);
        Assert.Equal(4096, Fact("address spaces"));
        Assert.Equal(5000 - 4096, Fact("overflowed"));
    }

    [Fact]
    public void The_handler_allocates_nothing()
    {
        Assert.Equal(DecodeStatus.Ok, Dialect.All[0].ReadEvent(CrMessage(0x1000, 0x2000), out var frame));
        var handler = (PolicyHandler<CrEvent>)_onCr3;
        handler(new CrEvent(frame));
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1000; i++)
            handler(new CrEvent(frame));
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    private Delegate HandlerOf(string policy, RecordingServices services) =>
        _generation.Policies.Single(candidate => candidate.Definition.Id == policy).Factory.Create(services).Handlers[0]!;

    private void Write(ulong value) => Assert.Equal(Decision.Allow, DecideCr(_onCr3, CrMessage(0, value)));

    private long Fact(string name) => _pluginServices.Numbers[name].Value;
}
