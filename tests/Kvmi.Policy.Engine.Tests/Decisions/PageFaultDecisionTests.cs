using System.Collections.Frozen;
using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Tests.Runtime;
using Kvmi.Protocol;
using Kvmi.Protocol.Events;
using static Kvmi.Policy.Engine.Tests.Runtime.EngineBench;

namespace Kvmi.Policy.Engine.Tests.Decisions;

public sealed class PageFaultDecisionTests
{
    private const ulong Page = 0x5000;

    [Fact]
    public void Only_owners_whose_wish_is_broken_see_the_fault()
    {
        using var bench = new EngineBench();
        var seen = new List<string>();
        bench.Load(
            Loaded(Watching("exec", PageAccess.ReadWrite), Pf(() => Note(seen, "exec"))),
            Loaded(Watching("write", PageAccess.ReadExecute), Pf(() => Note(seen, "write"))),
            Loaded(Define("elsewhere", On(EventKind.PageFault)), Pf(() => Note(seen, "elsewhere"))));
        bench.Attach();

        Assert.Equal(PageAccess.Read, bench.Vm.Access(Page));
        Assert.Equal(EventAction.Continue, bench.SendPageFault(Page, PageAccess.Write));
        Assert.Equal(["write"], seen);
        bench.SendPageFault(Page, PageAccess.Execute);
        Assert.Equal(["write", "exec"], seen);
    }

    [Fact]
    public void A_fault_that_no_lease_explains_is_restored_and_tried_again()
    {
        using var bench = new EngineBench();
        bench.Load(Loaded(Watching("p", PageAccess.ReadExecute), Pf(() => throw new InvalidOperationException("must not be asked"))));
        bench.Attach();
        bench.Vm.Commands.Clear();

        Assert.Equal(EventAction.Retry, bench.SendPageFault(0x9_0000, PageAccess.Write));
        Assert.Equal(["page 0x90000 All"], bench.Vm.Commands);
        bench.Vm.Commands.Clear();
        Assert.Equal(EventAction.Retry, bench.SendPageFault(Page, PageAccess.Execute));
        Assert.Equal(["page 0x5000 ReadExecute"], bench.Vm.Commands);
    }

    [Fact]
    public void An_audit_denial_without_otherwise_releases_the_page_and_retries()
    {
        foreach (var vote in (Decision[])[Decision.Crash(), Decision.Inject(Exceptions.InvalidOpcode), Decision.Skip(), Decision.Retry])
        {
            using var bench = new EngineBench();
            bench.Load(Loaded(Watching("p", PageAccess.ReadExecute) with { Mode = PolicyMode.Audit }, Pf(() => vote)));
            bench.Attach();

            Assert.Equal(EventAction.Retry, bench.SendPageFault(Page, PageAccess.Write));
            Assert.Equal(PageAccess.All, bench.Vm.Access(Page));
            Assert.Equal(vote.Kind == DecisionKind.Retry ? null : vote.Kind, bench.Handler.LastOutcome.WouldHave);
            Assert.DoesNotContain(bench.Vm.Commands, command => command.StartsWith("inject", StringComparison.Ordinal));
        }
    }

    [Fact]
    public void Otherwise_runs_in_audit_and_when_the_command_is_missing_but_not_in_enforce()
    {
        foreach (var (mode, offered) in (ReadOnlySpan<(PolicyMode, bool)>)[(PolicyMode.Audit, true), (PolicyMode.Enforce, false), (PolicyMode.Enforce, true)])
        {
            var vm = new FakeVm();
            if (!offered)
            {
                vm.Capabilities = vm.Capabilities with { Commands = vm.Capabilities.Commands.Where(c => c != CommandKind.InjectException).ToFrozenSet() };
            }

            using var bench = new EngineBench(vm);
            bench.Load(Loaded(
                Watching("p", PageAccess.ReadExecute) with { Mode = mode },
                services =>
                {
                    PolicyHandler<PageFaultEvent> run = e =>
                    {
                        services.Pages.Set(e.Gpa, PageAccess.ReadWrite);
                        return Decision.Retry;
                    };
                    return [Pf(() => Decision.Inject(Exceptions.InvalidOpcode, run))];
                }));
            bench.Attach();
            bench.SendPageFault(Page, PageAccess.Write);

            var injected = mode == PolicyMode.Enforce && offered;
            Assert.Equal(injected ? DecisionKind.Inject : DecisionKind.Retry, bench.Handler.LastOutcome.Decision);
            Assert.Equal(injected ? PageAccess.ReadExecute : PageAccess.ReadWrite, bench.Vm.Access(Page));
            Assert.Equal(mode == PolicyMode.Audit ? DecisionKind.Inject : null, bench.Handler.LastOutcome.WouldHave);
        }
    }

    [Fact]
    public void An_audit_policy_with_errors_does_not_hold_the_guest()
    {
        using var bench = new EngineBench();
        bench.Load(Loaded(Watching("p", PageAccess.ReadExecute) with { Mode = PolicyMode.Audit }, Pf(() => throw new InvalidOperationException())));
        bench.Attach();

        Assert.Equal(EventAction.Retry, bench.SendPageFault(Page, PageAccess.Write));
        Assert.Equal(PageAccess.All, bench.Vm.Access(Page));
    }

    private static PolicyDefinition Watching(string id, PageAccess access) =>
        Define(id, On(EventKind.PageFault)) with { Watch = [Watch(Page, Page + 0xFFF, access)] };

    private static Decision Note(List<string> seen, string name)
    {
        seen.Add(name);
        return Decision.Allow;
    }
}
