namespace Kvmi.Policy;

/// <summary>
/// What a policy sees around its handlers, the same for scripts (where these members are top-level names) and compiled
/// plugins. One instance exists per policy and VM; it is used by that VM's owner thread only, so policies need no locks.
/// </summary>
public abstract class PolicyBase
{
    private IPolicyServices? _services;

    /// <summary>The policy's parameters, with the site's overrides. Read them once, at the top of the script.</summary>
    public IPolicyParameters Params => Services.Parameters;

    /// <summary>Named, bounded collections that live as long as the declaration says.</summary>
    public IPolicyState State => Services.State;

    /// <summary>Guest memory: bounded reads that never throw, and writes.</summary>
    public IGuestMemory Memory => Services.Memory;

    /// <summary>Page access, as leases of this policy.</summary>
    public IPageLeases Pages => Services.Pages;

    /// <summary>Breakpoints in guest code, as leases of this policy.</summary>
    public IBreakpointLeases Breakpoints => Services.Breakpoints;

    /// <summary>Single-stepping of vCPUs, as leases of this policy.</summary>
    public ISinglestepLeases Singlestep => Services.Singlestep;

    /// <summary>EPT views of vCPUs, as leases of this policy.</summary>
    public IViewLeases Views => Services.Views;

    /// <summary>Edits of the waiting vCPU's general registers.</summary>
    public IRegisterEdits Registers => Services.Registers;

    /// <summary>Numbers that the summary shows for this policy.</summary>
    public IPolicyFacts Facts => Services.Facts;

    /// <summary>The engine's clock; tests and replays drive it.</summary>
    public IPolicyClock Clock => Services.Clock;

    /// <summary>The VM that this instance belongs to.</summary>
    public IGuestVm Vm => Services.Vm;

    /// <summary>True in enforce mode, false in audit mode.</summary>
    public bool Enforcing => Services.Enforcing;

    /// <summary>Lets it happen.</summary>
    public static Decision Allow => Decision.Allow;

    /// <summary>Enters the guest again at the same instruction.</summary>
    public static Decision Retry => Decision.Retry;

    private IPolicyServices Services => _services
        ?? throw new InvalidOperationException("The policy is not attached to a VM yet: use handlers and OnAttach, not the constructor.");

    /// <summary>Keeps the old value of the register.</summary>
    /// <param name="old">The event's old value.</param>
    public static Decision Keep(ulong old) => Decision.Keep(old);

    /// <summary>Installs another value in the register.</summary>
    public static Decision Set(ulong value) => Decision.Set(value);

    /// <summary>Goes on behind the instruction without carrying it out.</summary>
    public static Decision Skip() => Decision.Skip();

    /// <summary>Ends the guest.</summary>
    public static Decision Crash() => Decision.Crash();

    /// <summary>Delivers an exception to the vCPU.</summary>
    public static Decision Inject(GuestException exception) => Decision.Inject(exception);

    /// <summary>Delivers an exception to the vCPU; in audit mode <paramref name="otherwise"/> decides.</summary>
    public static Decision Inject(GuestException exception, PolicyHandler<PageFaultEvent> otherwise) => Decision.Inject(exception, otherwise);

    /// <summary>Goes on behind the instruction; in audit mode <paramref name="otherwise"/> decides.</summary>
    public static Decision Skip(PolicyHandler<PageFaultEvent> otherwise) => Decision.Skip(otherwise);

    /// <summary>Ends the guest; in audit mode <paramref name="otherwise"/> decides.</summary>
    public static Decision Crash(PolicyHandler<PageFaultEvent> otherwise) => Decision.Crash(otherwise);

    /// <summary>Raises an alert. Returns at once; sinks run on another thread.</summary>
    /// <param name="name">Name of the alert, from the policy's own vocabulary.</param>
    /// <param name="fields">An anonymous object whose properties become the alert's fields; read before this returns.</param>
    public void Alert(string name, object? fields = null) => Services.Alert(name, fields);

    /// <summary>Writes an informational record. Returns at once; sinks run on another thread.</summary>
    /// <param name="name">Name of the record.</param>
    /// <param name="fields">An anonymous object whose properties become the record's fields; read before this returns.</param>
    public void Record(string name, object? fields = null) => Services.Record(name, fields);

    /// <summary>A service that a plugin publishes for this VM. Get it once, at the top of the script.</summary>
    /// <typeparam name="T">The plugin's public type; the policy names the plugin under <c>requires.plugins</c>.</typeparam>
    /// <exception cref="InvalidOperationException">No plugin of this policy's requirements publishes it.</exception>
    public T Service<T>()
        where T : class => Services.Service<T>();

    /// <summary>One of several services of a type that a plugin publishes for this VM. Get it once, at the top of the script. Since contract 1.1.</summary>
    /// <typeparam name="T">The plugin's public type; the policy names the plugin under <c>requires.plugins</c>.</typeparam>
    /// <param name="name">The name that the plugin gave it; case counts.</param>
    /// <exception cref="InvalidOperationException">No plugin of this policy's requirements publishes it.</exception>
    public T Service<T>(string name)
        where T : class => Services.Service<T>(name);

    /// <summary>Offers a service to the scripts of this VM that require this plugin. For plugins, in <see cref="OnAttach"/>.</summary>
    protected void Publish<T>(T service)
        where T : class => Services.Publish(service);

    /// <summary>Offers one of several services of a type, each under a name of its own. For plugins, in <see cref="OnAttach"/>. Since contract 1.1.</summary>
    /// <param name="name">1 to 64 characters.</param>
    /// <param name="service">The service.</param>
    protected void Publish<T>(string name, T service)
        where T : class => Services.Publish(name, service);

    /// <summary>Called once, on the VM's owner thread, before the first event. Scripts use their top-level statements instead.</summary>
    protected virtual void OnAttach()
    {
    }

    /// <summary>Called once when the VM is gone or another generation takes over. Not called when the process dies.</summary>
    protected virtual void OnDetach()
    {
    }

    /// <summary>For the engine: hands over the services of one policy on one VM.</summary>
    /// <exception cref="InvalidOperationException">The instance is attached already.</exception>
    public void Attach(IPolicyServices services)
    {
        ArgumentNullException.ThrowIfNull(services);
        if (_services is not null)
        {
            throw new InvalidOperationException("This policy instance is attached already.");
        }

        _services = services;
        OnAttach();
    }

    /// <summary>For the engine: the last call on this instance.</summary>
    public void Detach() => OnDetach();
}
