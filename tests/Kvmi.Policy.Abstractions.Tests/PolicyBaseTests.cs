using Kvmi.Protocol;

namespace Kvmi.Policy.Tests;

public sealed class PolicyBaseTests
{
    [Fact]
    public void Services_before_attaching_say_what_to_do()
    {
        var exception = Assert.Throws<InvalidOperationException>(() => new PolicyScript().Params);
        Assert.Equal("The policy is not attached to a VM yet: use handlers and OnAttach, not the constructor.", exception.Message);
    }

    [Fact]
    public void Attaching_calls_OnAttach_once_and_a_second_time_is_refused()
    {
        var policy = new Counting();
        policy.Attach(new NoServices());
        Assert.Equal(1, policy.Attached);
        Assert.Throws<InvalidOperationException>(() => policy.Attach(new NoServices()));
        Assert.Equal(1, policy.Attached);
        policy.Detach();
        Assert.Equal(0, policy.Attached);
    }

    [Fact]
    public void Members_pass_on_to_the_services()
    {
        var policy = new PolicyScript();
        var services = new NoServices();
        policy.Attach(services);
        Assert.True(policy.Enforcing);
        policy.Alert("a");
        policy.Record("r", new { n = 1 });
        Assert.Equal(["alert a ", "record r { n = 1 }"], services.Said);
    }

    [Fact]
    public void Decisions_are_equal_by_kind_and_payload()
    {
        Assert.Equal(Decision.Keep(1), PolicyBase.Keep(1));
        Assert.NotEqual(Decision.Keep(1), Decision.Set(1));
        Assert.NotEqual(Decision.Keep(1), Decision.Keep(2));
        Assert.NotEqual(Decision.Inject(Exceptions.InvalidOpcode), Decision.Inject(Exceptions.GeneralProtection));
        Assert.Equal(default, Decision.Allow);
    }

    [Fact]
    public void Decisions_rank_as_voted()
    {
        DecisionKind[] ranked = [DecisionKind.Allow, DecisionKind.Retry, DecisionKind.Set, DecisionKind.Keep, DecisionKind.Skip, DecisionKind.Inject, DecisionKind.Crash];
        Assert.Equal(ranked, ranked.Order());
        Assert.Equal(Enum.GetValues<DecisionKind>(), ranked);
    }

    [Fact]
    public void Decisions_and_hashes_print_for_people()
    {
        Assert.Equal("Keep 0x10", Decision.Keep(16).ToString());
        Assert.Equal("Retry", Decision.Retry.ToString());
        Assert.Equal("0000000000000001000000000000000200000000000000030000000000000004", new PageHash(1, 2, 3, 4).ToString());
    }

    [Fact]
    public void Access_names_are_the_protocols_bits()
    {
        Assert.Equal(PageAccess.Read | PageAccess.Execute, Access.ReadExecute);
        Assert.Equal(PageAccess.Read | PageAccess.Write, Access.ReadWrite);
    }

    private sealed class Counting : PolicyBase
    {
        public int Attached { get; private set; }

        protected override void OnAttach() => Attached++;

        protected override void OnDetach() => Attached--;
    }

    private sealed class NoServices : IPolicyServices
    {
        public List<string> Said { get; } = [];

        public IPolicyParameters Parameters => throw new NotSupportedException();

        public IPolicyState State => throw new NotSupportedException();

        public IGuestMemory Memory => throw new NotSupportedException();

        public IBreakpointLeases Breakpoints => throw new NotSupportedException();

        public IPageLeases Pages => throw new NotSupportedException();

        public ISinglestepLeases Singlestep => throw new NotSupportedException();

        public IViewLeases Views => throw new NotSupportedException();

        public IRegisterEdits Registers => throw new NotSupportedException();

        public IPolicyFacts Facts => throw new NotSupportedException();

        public IPolicyClock Clock => throw new NotSupportedException();

        public IGuestVm Vm => throw new NotSupportedException();

        public bool Enforcing => true;

        public void Alert(string name, object? fields) => Said.Add($"alert {name} {fields}");

        public void Record(string name, object? fields) => Said.Add($"record {name} {fields}");

        public T Service<T>()
            where T : class => throw new NotSupportedException();

        public void Publish<T>(T service)
            where T : class => throw new NotSupportedException();
    }
}
