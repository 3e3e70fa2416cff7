using Kvmi.Policy.Engine.Runtime.State;

namespace Kvmi.Policy.Engine.Runtime.Services;

/// <summary>Everything that one policy instance sees.</summary>
internal sealed class PolicyServices : IPolicyServices
{
    private readonly PolicyInstance _policy;
    private readonly ServiceRegistry _registry;
    private readonly ForeignCode _foreign;

    public PolicyServices(VmContext context, PolicyInstance policy, ServiceRegistry registry)
    {
        _policy = policy;
        _registry = registry;
        _foreign = context.Foreign;
        Context = context;
        Parameters = new PolicyParameters(policy.Definition);
        State = new PolicyState(policy.Id, policy.Memory.State, context.Engine.HashSeed, context.Foreign, context.Event, () => context.Vm.VcpuCount);
        Memory = new GuestMemory(context, policy);
        Pages = new PolicyPages(context, policy);
        Breakpoints = new PolicyBreakpoints(context, policy);
        Singlestep = new PolicySinglestep(context, policy);
        Views = new PolicyViews(context, policy);
        Facts = new PolicyFacts(policy.Statistics, context.Name, policy.Definition.State.KeepOnReload, context.Engine.HashSeed, context.Clock);
        Clock = context.Clock;
        Vm = context.Guest;
    }

    /// <summary>The VM; for the worker of untrusted policies.</summary>
    public VmContext Context { get; }

    /// <summary>Alerts and records whose fields are plain already; for the worker of untrusted policies.</summary>
    public NoticeWriter Notices => _policy.Notices;

    public IPolicyParameters Parameters { get; }

    public IPolicyState State { get; }

    public IGuestMemory Memory { get; }

    public IPageLeases Pages { get; }

    public IBreakpointLeases Breakpoints { get; }

    public ISinglestepLeases Singlestep { get; }

    public IViewLeases Views { get; }

    public IRegisterEdits Registers => _policy.Edits;

    public IPolicyFacts Facts { get; }

    public IPolicyClock Clock { get; }

    public IGuestVm Vm { get; }

    public bool Enforcing => _policy.Enforcing;

    public void Alert(string name, object? fields) => _policy.Notices.Write(name, fields, isAlert: true);

    public void Record(string name, object? fields) => _policy.Notices.Write(name, fields, isAlert: false);

    public T Service<T>()
        where T : class => Find<T>("");

    public T Service<T>(string name)
        where T : class
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        return Find<T>(name);
    }

    public void Publish<T>(T service)
        where T : class => Offer("", service);

    public void Publish<T>(string name, T service)
        where T : class
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        Offer(name, service);
    }

    private T Find<T>(string name)
        where T : class
    {
        using var custody = _foreign.Enter();
        return (T)_registry.Find(_policy.Definition, typeof(T), name);
    }

    private void Offer<T>(string name, T service)
        where T : class
    {
        using var custody = _foreign.Enter();
        _registry.Publish(_policy.Definition, typeof(T), name, service);
    }
}
