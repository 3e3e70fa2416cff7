using FsCheck;
using FsCheck.Fluent;
using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Tests.Runtime;
using Kvmi.Protocol;
using Kvmi.Protocol.Events;
using Kvmi.Session.Vm;
using static Kvmi.Policy.Engine.Tests.Runtime.EngineBench;

namespace Kvmi.Policy.Engine.Tests.Leases;

/// <summary>Whatever is loaded, reloaded, quarantined, hot-plugged or refused: after the detach the machine is as it was.</summary>
public sealed class GiveBackPropertyTests
{
    [Fact]
    public void Every_sequence_ends_with_the_machine_as_it_began()
    {
        // One number is one step: its parts choose the action, the set of policies, and what they do.
        var steps = Gen.Choose(0, 1_000_000).ArrayOf();
        Check.One(
            Config.QuickThrowOnFailure.WithMaxTest(300).WithEndSize(30),
            Prop.ForAll(steps.ToArbitrary(), Run));
    }

    private static void Run(int[] steps)
    {
        using var bench = new EngineBench();
        bench.Vm.Put(0x3000, [1, 2, 3, 4, 5, 6, 7, 8]);
        var before = bench.Vm.Snapshot();
        var lives = new List<CodeLife>();
        var nextVcpu = (ushort)bench.Vm.VcpuCount;
        bench.Attach();
        foreach (var step in steps)
        {
            var argument = step / 8;
            switch (step % 8)
            {
                case 0 or 1:
                    lives.Add(bench.Load([.. Enumerable.Range(0, 4).Where(i => (argument & (1 << i)) != 0).Select(i => Make(i, argument >> 4))]));
                    break;
                case 2:
                    bench.Handler.Idle();
                    break;
                case 3:
                    var created = nextVcpu < 6 ? nextVcpu++ : (ushort)(argument % 6);
                    bench.Vm.Recreate(created);
                    bench.Send(EventBody.Plain(EventKind.CreateVcpu), created);
                    break;
                case 4:
                    bench.Send(EventBody.Cr(3, 0x1000, (ulong)argument));
                    break;
                case 5:
                    bench.Send(EventBody.Msr(Lstar, 0x1000, (ulong)argument));
                    break;
                default:
                    bench.SendPageFault(0x1000 + ((ulong)(argument % 4) << 12), (PageAccess)(1 << (argument % 3)));
                    break;
            }
        }

        bench.Handler.Detaching(DetachReason.Stopping);
        Assert.Equal(before, bench.Vm.Snapshot());
        bench.Engine.Dispose();
        Assert.All(lives, life => Assert.True(life.Disposed));
    }

    /// <summary>Policies with every kind of lease; some throw until they are quarantined, some cannot start, some keep their
    /// state.</summary>
    private static Engine.Generations.GenerationPolicy Make(int index, int seed)
    {
        var throws = (seed & 1) != 0;
        var keep = (seed & 2) != 0;
        var brokenStart = (seed & 12) == 12;
        var size = (ulong)((seed >> 4) % 4);
        var definition = Define($"p{index}", OnCr3, On(EventKind.Msr), On(EventKind.PageFault)) with
        {
            Mode = (seed & 64) != 0 ? PolicyMode.Audit : PolicyMode.Enforce,
            Watch = [Watch(0x1000, 0x1FFF + (size << 12), index % 2 == 0 ? PageAccess.ReadExecute : PageAccess.ReadWrite)],
            State = new PolicyStateSettings(PolicyStateScope.Vm, keep),
            OnError = new PolicyErrorHandling(DecisionKind.Allow, 2, TimeSpan.FromMinutes(1)),
        };
        return Loaded(definition, services =>
        {
            services.Pages.Set(0x8000, PageAccess.Read);
            services.Memory.TryWritePhysical(0x3000 + (ulong)index, [(byte)seed, (byte)index]);
            if (brokenStart)
            {
                throw new InvalidOperationException("cannot start");
            }

            PolicyHandler<PageFaultEvent> fault = e =>
            {
                services.Pages.Set(e.Gpa, (seed & 1) != 0 ? PageAccess.All : PageAccess.None);
                services.Pages.Set(e.Gpa + 0x4000, PageAccess.ReadWrite);
                services.Memory.TryWritePhysical(0x3002, [(byte)(seed >> 3), 0xEE, 0xEF]);
                return Decision.Retry;
            };
            return [Cr(() => throws ? throw new InvalidOperationException("bad day") : Decision.Allow), Msr(() => Decision.Keep(0x1000)), fault];
        });
    }
}
