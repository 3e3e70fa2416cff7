using Kvmi.Policy.Engine.Generations;
using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Output;
using Kvmi.Policy.Engine.Runtime.Services;
using Kvmi.Policy.Engine.Tests.Runtime;
using Kvmi.Protocol;
using Kvmi.Protocol.Events;
using Kvmi.Session.Deadlines;
using Kvmi.Session.Tests.Support;
using static Kvmi.Policy.Engine.Tests.Runtime.EngineBench;

namespace Kvmi.Policy.Engine.Tests.Deadlines;

public sealed class HangingPolicyTests
{
    private static readonly EventBody Write = EventBody.Cr(3, 0x1000, 0x2000);

    [Fact]
    public async Task A_policy_that_hangs_is_out_of_service_and_the_others_go_on()
    {
        DeadlineBench? bench = null;
        await using var _ = bench = new DeadlineBench(
            Loaded(Limited("hangs", DecisionKind.Keep), Cr(() =>
            {
                bench!.HangOnGate();
                return Decision.Allow;
            })),
            Loaded(Define("works", OnCr3), Cr(() => Decision.Set(0x7000))));
        bench.Attach(vcpus: 2);

        Assert.Equal((1u, (ushort)0, EventAction.Continue, 0x1000ul), bench.Ask(0, Write));
        Assert.Equal((2u, (ushort)1, EventAction.Continue, 0x7000ul), bench.Ask(1, Write));
        Assert.Equal((3u, (ushort)0, EventAction.Continue, 0x7000ul), bench.Ask(0, Write));

        Assert.Equal(["hangs"], bench.Statuses("timeout").Select(status => status.Policy));
        Assert.Contains("took longer than its time-out of 40 ms", bench.Statuses("timeout")[0].Message, StringComparison.Ordinal);
        Assert.Equal(["hangs"], bench.Statuses("quarantined").Select(status => status.Policy));
        Assert.Equal([1, 0], bench.Summary.Policies.Select(policy => policy.Timeouts));
        Assert.Equal((1, 1), (bench.Server.Deadlines.Timeouts, bench.Server.Deadlines.AbandonedNow));
        bench.Release();
        TestServer.Until(() => bench.Server.Deadlines.AbandonedNow == 0, "the thread has not come back");
        Assert.Equal((4u, (ushort)0, EventAction.Continue, 0x7000ul), bench.Ask(0, Write));
    }

    [Fact]
    public async Task Every_vote_on_an_event_whose_handler_is_lost_is_counted_that_of_the_lost_one_too()
    {
        DeadlineBench? bench = null;
        await using var _ = bench = new DeadlineBench(
            Loaded(Define("earlier", OnCr3), Cr(() => Decision.Allow)),
            Loaded(Limited("hangs", DecisionKind.Keep), Cr(() =>
            {
                bench!.HangOnGate();
                return Decision.Allow;
            })),
            Loaded(Define("later", OnCr3), Cr(() => Decision.Allow)));
        bench.Attach();
        bench.Ask(0, Write);
        bench.Ask(0, Write);

        // The first event was taken from the second policy, so the third was never asked about it; the second event has two voters.
        Assert.Equal([2, 1, 1], bench.Summary.Policies.OrderBy(policy => policy.Id, StringComparer.Ordinal).Select(policy => policy.Events));
        Assert.Equal(1, bench.Summary.Policies.Single(policy => policy.Id == "hangs").Decisions[DecisionKind.Keep]);
        Assert.Equal(4, bench.Summary.Events);
        bench.Release();
    }

    [Fact]
    public async Task Votes_that_are_there_and_the_time_out_decisions_of_those_that_are_missing_all_count()
    {
        DeadlineBench? bench = null;
        Decision Hang()
        {
            bench!.Spin();
            return Decision.Allow;
        }

        foreach (var (earlier, onTimeout, later, expected) in new[]
        {
            // An earlier vote stands; a later policy is not asked, and what it declares counts.
            (Decision.Set(0x7000), DecisionKind.Allow, DecisionKind.Allow, 0x7000ul),
            (Decision.Set(0x7000), DecisionKind.Keep, DecisionKind.Allow, 0x1000ul),
            (Decision.Allow, DecisionKind.Allow, DecisionKind.Keep, 0x1000ul),
            (Decision.Allow, DecisionKind.Allow, DecisionKind.Allow, 0x2000ul),

            // A denial that needs a command becomes the one that needs none.
            (Decision.Inject(new GuestException(6)), DecisionKind.Allow, DecisionKind.Allow, 0x1000ul),
        })
        {
            var asked = 0;
            await using var _ = bench = new DeadlineBench(
                Loaded(Define("earlier", OnCr3), Cr(() => earlier)),
                Loaded(Limited("hangs", onTimeout), Cr(Hang)),
                Loaded(Limited("later", later), Cr(() =>
                {
                    asked++;
                    return Decision.Allow;
                })));
            bench.Attach();
            Assert.Equal(expected, bench.Ask(0, Write).NewValue);
            Assert.Equal(0, asked);
            bench.Release();
        }
    }

    [Fact]
    public async Task An_audit_policy_that_hangs_lets_the_guest_go_on()
    {
        DeadlineBench? bench = null;
        await using var _ = bench = new DeadlineBench(Loaded(Limited("hangs", DecisionKind.Crash) with { Mode = PolicyMode.Audit }, Cr(() =>
        {
            bench!.Spin();
            return Decision.Allow;
        })));
        bench.Attach();
        Assert.Equal((1u, (ushort)0, EventAction.Continue, 0x2000ul), bench.Ask(0, Write));
        Assert.Equal((2u, (ushort)0, EventAction.Continue, 0x2000ul), bench.Ask(0, Write));
    }

    [Fact]
    public async Task An_enforcing_policy_under_a_master_switch_of_audit_does_not_fail_closed_either()
    {
        DeadlineBench? bench = null;
        await using var _ = bench = new DeadlineBench(Loaded(Limited("hangs", DecisionKind.Crash), Cr(() =>
        {
            bench!.Spin();
            return Decision.Allow;
        })));
        bench.SetMaster(MasterMode.Audit);
        bench.Attach();
        Assert.Equal((1u, (ushort)0, EventAction.Continue, 0x2000ul), bench.Ask(0, Write));
        bench.Release();
    }

    [Fact]
    public async Task The_leases_of_a_policy_that_hangs_are_given_back_before_the_next_event()
    {
        DeadlineBench? bench = null;
        PolicyHandler<PageFaultEvent> fault = e =>
        {
            bench!.HangOnGate();
            return Decision.Allow;
        };
        await using var _ = bench = new DeadlineBench(
            Loaded(
                Define("hangs", On(EventKind.PageFault)) with
                {
                    Watch = [Watch(0x1000, 0x2FFF, PageAccess.ReadExecute)],
                    Budget = new(1, 1 << 20) { Timeout = TimeSpan.FromMilliseconds(40), OnTimeout = DecisionKind.Retry },
                },
                fault),
            Loaded(Define("works", OnCr3), Cr(() => Decision.Set(0x7000))));
        bench.Attach();
        Assert.Equal(EventAction.Retry, bench.Ask(0, EventBody.PageFault(0x1000, 0x1000, PageAccess.Write), EventKind.PageFault).Action);
        Assert.Equal(PageAccess.ReadExecute, bench.Pages[0x1000]);
        bench.CarryOutUntil(() => bench.Pages.Values.All(access => access == PageAccess.All));
        Assert.Equal(0x7000ul, bench.Ask(0, Write).NewValue);
        Assert.Equal(2, bench.Pages.Count);
    }

    [Fact]
    public async Task A_thread_that_comes_back_is_refused_every_service_with_an_effect()
    {
        DeadlineBench? bench = null;
        var refusals = new TaskCompletionSource<Exception?[]>(TaskCreationOptions.RunContinuationsAsynchronously);
        GenerationPolicy Hanging() => Loaded(
            Limited("hangs", DecisionKind.Allow) with
            {
                State = new(PolicyStateScope.Policy, KeepOnReload: true),
                Watch = [Watch(0x5000, 0x5FFF, PageAccess.ReadExecute)],
            },
            services =>
            {
                var shared = services.State.Set<ulong>("shared", 16);
                PolicyHandler<CrEvent> handler = e =>
                {
                    bench!.HangOnGate();
                    refusals.SetResult(
                    [
                        Record.Exception(() => services.Alert("late", null)),
                        Record.Exception(() => { services.Pages.Set(0x5000, PageAccess.None); }),
                        Record.Exception(() => { services.Memory.TryWritePhysical(0x1000, [1]); }),
                        Record.Exception(() => { services.Memory.TryReadPhysical(0x1000, new byte[1]); }),
                        Record.Exception(() => services.Registers.Set(GuestRegister.Rax, 1)),
                        Record.Exception(() => { shared.Add(1); }),
                    ]);
                    return Decision.Crash();
                };
                return [handler];
            });
        await using var _ = bench = new DeadlineBench(Hanging());
        bench.Attach();
        Assert.Equal(0x2000ul, bench.Ask(0, Write).NewValue);
        Assert.Equal(0x2000ul, bench.Ask(0, Write).NewValue);
        var commands = bench.Commands.Count;
        bench.Release();
        Assert.All(await refusals.Task, error => Assert.IsType<HandlerAbandonedException>(error));
        TestServer.Until(() => bench.Server.Deadlines.AbandonedNow == 0, "the thread has not ended");
        Assert.Equal(0x2000ul, bench.Ask(0, Write).NewValue);
        Assert.Equal(commands, bench.Commands.Count);
        Assert.Empty(bench.Records().OfType<NoticeOutput>());
    }

    [Fact]
    public async Task A_policy_that_waits_for_a_slow_peer_is_answered_for_and_stays_in_service()
    {
        await using var bench = new DeadlineBench(Loaded(Limited("reads", DecisionKind.Keep), services =>
        {
            PolicyHandler<CrEvent> handler = e =>
            {
                if (e.New == 0x2000)
                {
                    services.Memory.TryReadPhysical(0x1000, new byte[8]);
                }

                return Decision.Set(0x7000);
            };
            return [handler];
        }))
        {
            Unanswered = CommandKind.ReadPhysical,
        };
        bench.Attach();
        Assert.Equal((1u, (ushort)0, EventAction.Continue, 0x1000ul), bench.Ask(0, Write));
        bench.Unanswered = null;

        // The 8 bytes are asked for with what is around them.
        bench.Peer.Reply(bench.Open!.Value, new byte[512]);
        Assert.Equal((2u, (ushort)0, EventAction.Continue, 0x7000ul), bench.Ask(0, EventBody.Cr(3, 0x1000, 0x3000)));
        Assert.Equal(["reads"], bench.Statuses("timeout").Select(status => status.Policy));
        Assert.Empty(bench.Statuses("quarantined"));
        Assert.Equal(0, bench.Server.Deadlines.AbandonedThreads);
    }

    [Fact]
    public async Task A_policy_whose_first_code_hangs_is_refused_and_the_others_start()
    {
        DeadlineBench? bench = null;
        await using var _ = bench = new DeadlineBench(
            Loaded(Limited("before", DecisionKind.Allow), Cr(() => Decision.Allow)),
            Loaded(Define("hangs", OnCr3) with { Watch = [] }, _ =>
            {
                bench!.HangOnGate();
                return [Cr(() => Decision.Crash())];
            }),
            Loaded(Define("works", OnCr3), Cr(() => Decision.Set(0x7000))));
        bench.Attach();
        Assert.Equal(0x7000ul, bench.Ask(0, Write).NewValue);
        Assert.Equal(["hangs"], bench.Statuses("refused").Select(status => status.Policy));
        Assert.Contains("2 policies, 1 refused", Assert.Single(bench.Statuses("in-service")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_policy_that_hangs_in_its_last_call_does_not_keep_what_it_and_the_others_hold()
    {
        DeadlineBench? bench = null;
        var watched = Define("hangs", On(EventKind.PageFault)) with { Watch = [Watch(0x1000, 0x1FFF, PageAccess.ReadExecute)] };
        var left = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var _ = bench = new DeadlineBench(
            new GenerationPolicy(watched, new Leaving(() => bench!.HangOnGate(), Pf(() => Decision.Allow)), new("hangs")),
            new GenerationPolicy(
                watched with { Id = "other", Watch = [Watch(0x2000, 0x2FFF, PageAccess.ReadExecute)] },
                new Leaving(left.SetResult, Pf(() => Decision.Allow)),
                new("other")));
        bench.Attach();
        bench.CarryOutUntil(() => bench.Pages.Count == 2);
        var stop = bench.Server.StopAsync();
        bench.CarryOutUntil(() => bench.Pages.Values.All(access => access == PageAccess.All));
        await left.Task.WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);
        Assert.Equal(["hangs"], bench.Statuses("timeout").Select(status => status.Policy));
    }

    [Fact]
    public async Task A_policy_that_hangs_while_the_vm_goes_away_is_told_of_and_never_called_again()
    {
        DeadlineBench? bench = null;
        var hung = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var left = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var detached = 0;
        await using var _ = bench = new DeadlineBench(
            new GenerationPolicy(
                Limited("hangs", DecisionKind.Allow) with { Budget = PolicyBudget.Default with { Timeout = TimeSpan.FromMilliseconds(300) } },
                new Leaving(() => detached++, Cr(() =>
                {
                    hung.SetResult();
                    bench!.HangOnGate();
                    return Decision.Allow;
                })),
                new("hangs")),
            new GenerationPolicy(Define("other", OnCr3), new Leaving(left.SetResult, Cr(() => Decision.Allow)), new("other")));
        bench.Attach();
        bench.Send(0, Write);
        bench.CarryOutUntil(hung.Task);
        bench.Peer.Dispose();
        await left.Task.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
        TestServer.Until(() => bench.Server.Vms.Count == 0, "the VM has not gone");
        Assert.Equal(["hangs"], bench.Statuses("timeout").Select(status => status.Policy));
        Assert.Equal([1, 0], bench.Summary.Policies.Select(policy => policy.Timeouts));
        Assert.Equal(0, detached);
    }

    [Fact]
    public async Task A_generation_whose_first_code_hangs_while_the_vm_goes_away_is_let_go()
    {
        DeadlineBench? bench = null;
        var hung = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var _ = bench = new DeadlineBench(Loaded(Define("works", OnCr3), Cr(() => Decision.Set(0x7000))));
        bench.Attach();
        Assert.Equal(0x7000ul, bench.Ask(0, Write).NewValue);
        var life = new CodeLife();
        bench.Swap(new Generation(
            2,
            [
                Loaded(Define("hangs", On(EventKind.Msr)), _ =>
                {
                    hung.SetResult();
                    bench.HangOnGate();
                    return [Msr(() => Decision.Allow)];
                }),
            ],
            life));
        bench.CarryOutUntil(hung.Task);
        bench.Peer.Dispose();
        TestServer.Until(() => bench.Server.Vms.Count == 0, "the VM has not gone");
        Assert.False(life.Disposed);
        bench.Swap(new Generation(3, [], new CodeLife()));
        TestServer.Until(() => life.Disposed, "nobody needs the generation, and it is still there");
    }

    [Fact]
    public async Task A_policy_that_hangs_while_all_are_switched_off_does_not_keep_the_others_on()
    {
        DeadlineBench? bench = null;
        await using var _ = bench = new DeadlineBench(
            new GenerationPolicy(Define("hangs", OnCr3), new Leaving(() => bench!.HangOnGate(), Cr(() => Decision.Allow)), new("hangs")),
            Loaded(Define("other", OnCr3), Cr(() => Decision.Set(0x7000))));
        bench.Attach();
        Assert.Equal(0x7000ul, bench.Ask(0, Write).NewValue);
        bench.SetMaster(MasterMode.Off);
        bench.Ask(0, Write);
        Assert.Equal(0x2000ul, bench.Ask(0, Write).NewValue);
        Assert.Equal(["hangs"], bench.Statuses("timeout").Select(status => status.Policy));
        Assert.Single(bench.Statuses("master-mode"));
    }

    [Fact]
    public async Task A_script_that_loops_loses_its_thread_only_for_a_moment()
    {
        var script = Scripting.Policies.Inline("loops", "Decision OnCr(CrEvent e) { while (true) { } }") with
        {
            Budget = new(1_000_000_000_000, 1 << 20) { Timeout = TimeSpan.FromMilliseconds(40), OnTimeout = DecisionKind.Keep },
        };
        var built = Scripting.Policies.Build(script);
        Assert.NotNull(built.Generation);
        await using var bench = new DeadlineBench(built.Generation);
        bench.Attach();
        Assert.Equal((1u, (ushort)0, EventAction.Continue, 0x1000ul), bench.Ask(0, Write));
        TestServer.Until(() => bench.Statuses("timeout").Length == 1 && bench.Server.Deadlines.AbandonedNow == 0, "the script has not ended");
    }

    private static PolicyDefinition Limited(string id, DecisionKind onTimeout) => Define(id, OnCr3) with
    {
        Budget = PolicyBudget.Default with { Timeout = TimeSpan.FromMilliseconds(40), OnTimeout = onTimeout },
    };

    /// <summary>A policy whose OnDetach the test gives.</summary>
    private sealed class Leaving(Action onDetach, params Delegate[] handlers) : Kvmi.Policy.Engine.Code.IPolicyFactory
    {
        public Kvmi.Policy.Engine.Code.BoundPolicy Create(IPolicyServices services) => new(new Policy(onDetach), handlers);

        private sealed class Policy(Action onDetach) : PolicyBase
        {
            protected override void OnDetach() => onDetach();
        }
    }
}
