using System.Globalization;
using FsCheck;
using FsCheck.Fluent;
using Kvmi.Policy.Engine.Model;
using Kvmi.Protocol;
using Kvmi.Protocol.Dialects;
using Kvmi.Simulator;

namespace Kvmi.Policy.Engine.Tests.Leases.Simulated;

/// <summary>
/// Whatever happens to policies and to the VM: when the tool has left, the machine is as it began, on every vCPU, in every dialect. Few
/// sequences as a rule; KVMI_LEASE_SEQUENCES asks for more. A failure prints the sequence and the seed.
/// </summary>
public sealed class MachineAsItBeganTests
{
    private const int UsualSequences = 6;

    public static TheoryData<KvmiDialect> Dialects => [.. Dialect.All.Select(dialect => dialect.Id)];

    private static int Sequences =>
        int.TryParse(Environment.GetEnvironmentVariable("KVMI_LEASE_SEQUENCES"), NumberStyles.None, CultureInfo.InvariantCulture, out var count) && count > 0
            ? count
            : UsualSequences;

    [Theory]
    [MemberData(nameof(Dialects))]
    public void Every_sequence_ends_with_the_machine_as_it_began(KvmiDialect dialect)
    {
        // One number is one step: its parts choose what happens and to which policies.
        var breakpoints = 0L;
        var steppings = 0L;
        var restored = 0L;
        var switches = RandomPolicies.Switches;
        var steps = Gen.Choose(0, 10_000_000).ArrayOf(10);
        Check.One(
            Config.QuickThrowOnFailure.WithMaxTest(Sequences),
            Prop.ForAll(steps.ToArbitrary(), sequence =>
            {
                var (hits, singlesteps, patches) = RunAsync(dialect, sequence).GetAwaiter().GetResult();
                breakpoints += hits;
                steppings += singlesteps;
                restored += patches;
            }));
        switches = RandomPolicies.Switches - switches;
        var text = $"{dialect}: {switches} switches of views, {breakpoints} breakpoint events, {steppings} single steps, {restored} times patches were put back after a loss";
        TestContext.Current.TestOutputHelper?.WriteLine(text);
        Assert.True(breakpoints > 10 * Sequences, text);
        Assert.True(CanStep(dialect) ? steppings > 20 * Sequences : steppings == 0, text);
        Assert.True(dialect == KvmiDialect.V7 ? switches > 2 * Sequences : switches == 0, text);
    }

    private static async Task<(long Breakpoints, long Steps, long Restored)> RunAsync(KvmiDialect dialect, int[] steps)
    {
        await using var bench = new LeaseBench(dialect);
        bench.Load(RandomPolicies.Some(0x85F, CanStep(dialect)));
        bench.RunOn(20);
        foreach (var step in steps)
        {
            await TakeAsync(bench, dialect, step);
            bench.RunOn(1 + (step % 40));
        }

        var result = await bench.EndAsync();
        var what = $"{dialect}, {string.Join(' ', steps)}";
        Assert.True(bench.Vm.Remains.IsEmpty, $"{what}: {string.Join("; ", bench.Vm.Remains.Take(20))}");
        Assert.True(result.End == SimulationEnd.Cancelled && result.FailureReason is null, $"{what}: {result.End}, {result.FailureReason}");
        var differences = bench.State.FindDifferences();
        Assert.True(differences.Count == 0, $"{what}: {string.Join("; ", differences.Take(20))}");
        Assert.Empty(bench.Statuses("lease-error").Select(status => status.Message));
        Assert.Empty(bench.Journals());
        return (result.Events.GetValueOrDefault(EventKind.Breakpoint), result.Events.GetValueOrDefault(EventKind.Singlestep), bench.Statuses("patches-restored").Length);
    }

    private static bool CanStep(KvmiDialect dialect) => dialect != KvmiDialect.RfcV5;

    private static async Task TakeAsync(LeaseBench bench, KvmiDialect dialect, int step)
    {
        var argument = step / 10;
        switch (step % 10)
        {
            case 0 or 1 or 2:
                bench.Load(RandomPolicies.Some(argument, CanStep(dialect)));
                break;
            case 3:
                bench.Load();
                break;
            case 4 or 5:
                bench.Engine.SetMasterMode((MasterMode)(argument % 3));
                break;
            case 6:
                bench.HotPlug();
                break;
            case 7:
                await bench.MigrateAsync();
                break;
            case 8:
                await bench.StopAndContinueAsync();
                break;
            default:
                await bench.LoseAsync();
                break;
        }
    }
}
