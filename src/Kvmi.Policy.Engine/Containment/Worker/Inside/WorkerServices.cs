using Kvmi.Policy.Engine.Containment.Worker.Lane;
using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Runtime;
using Kvmi.Policy.Engine.Runtime.Services;
using Kvmi.Policy.Engine.Runtime.State;
using Kvmi.Session.Deadlines;

namespace Kvmi.Policy.Engine.Containment.Worker.Inside;

/// <summary>
/// What a policy in a worker sees. Parameters, state, register edits and services between policies are local; the rest is asked of
/// the host, which checks it.
/// </summary>
internal sealed class WorkerServices : IPolicyServices, IPolicyClock, IGuestVm
{
    private readonly WorkerChannel _channel;
    private readonly PolicyDefinition _definition;
    private readonly ServiceRegistry _registry;
    private readonly NoticeFields _fields = new();

    public WorkerServices(
        WorkerChannel channel,
        PolicyDefinition definition,
        CurrentEvent current,
        ulong hashSeed,
        ServiceRegistry registry,
        string vmName,
        Guid vmUuid)
    {
        _channel = channel;
        _definition = definition;
        _registry = registry;
        Name = vmName;
        Uuid = vmUuid;
        Parameters = new PolicyParameters(definition);
        State = new PolicyState(
            definition.Id,
            new NamedState(shared: false, perVcpu: definition.State.Scope == PolicyStateScope.Vcpu),
            hashSeed,
            new ForeignCode(new VmCustody()),
            current,
            () => channel.VcpuCount);
        Memory = new WorkerMemory(channel);
        Pages = new WorkerPages(channel);
        Breakpoints = new WorkerBreakpoints(definition.Id);
        Singlestep = new WorkerSinglestep(definition.Id);
        Views = new WorkerViews(definition.Id);
        Edits = new WorkerRegisters(current);
        OwnFacts = new WorkerFacts(channel);
    }

    public WorkerRegisters Edits { get; }

    public WorkerFacts OwnFacts { get; }

    public IPolicyParameters Parameters { get; }

    public IPolicyState State { get; }

    public IGuestMemory Memory { get; }

    public IPageLeases Pages { get; }

    public IBreakpointLeases Breakpoints { get; }

    public ISinglestepLeases Singlestep { get; }

    public IViewLeases Views { get; }

    public IRegisterEdits Registers => Edits;

    public IPolicyFacts Facts => OwnFacts;

    public IPolicyClock Clock => this;

    public IGuestVm Vm => this;

    public bool Enforcing => _definition.Mode == PolicyMode.Enforce;

    public DateTimeOffset UtcNow => _channel.UtcNow;

    public TimeSpan SinceAttach => _channel.SinceAttach;

    public string Name { get; }

    public Guid Uuid { get; }

    public int VcpuCount => _channel.VcpuCount;

    public void Alert(string name, object? fields) => Notice(name, fields, isAlert: true);

    public void Record(string name, object? fields) => Notice(name, fields, isAlert: false);

    public T Service<T>()
        where T : class => Find<T>("");

    public T Service<T>(string name)
        where T : class
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        return Find<T>(name);
    }

    public void Publish<T>(T service)
        where T : class => _registry.Publish(_definition, typeof(T), "", service);

    public void Publish<T>(string name, T service)
        where T : class
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        _registry.Publish(_definition, typeof(T), name, service);
    }

    private T Find<T>(string name)
        where T : class => (T?)_registry.TryFind(_definition, typeof(T), name) ?? throw new InvalidOperationException(
            $"No untrusted plugin of policy {_definition.Id}'s requires.plugins publishes {typeof(T).Name} on this VM; what trusted plugins "
            + "publish cannot be reached from a worker.");

    private void Notice(string name, object? fields, bool isAlert)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        var plain = _fields.Read(fields);
        var writer = _channel.Ask(LaneCode.Notice);
        writer.U8(isAlert ? (byte)1 : (byte)0);
        writer.Text(name, LaneReader.MaxFieldName);
        writer.U8((byte)Math.Min(plain.Length, LaneReader.MaxFields));
        foreach (ref readonly var field in plain.AsSpan(0, Math.Min(plain.Length, LaneReader.MaxFields)))
        {
            writer.Field(in field);
        }

        _channel.Answer(in writer);
    }
}
