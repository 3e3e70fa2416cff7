namespace Kvmi.Policy;

/// <summary>
/// What the engine provides to one policy on one VM. Policies reach it through <see cref="PolicyBase"/>; test kits
/// implement it. All members belong to the VM's owner thread.
/// </summary>
public interface IPolicyServices
{
    /// <summary>Parameters with overrides.</summary>
    IPolicyParameters Parameters { get; }

    /// <summary>Named, bounded state.</summary>
    IPolicyState State { get; }

    /// <summary>Guest memory.</summary>
    IGuestMemory Memory { get; }

    /// <summary>Page leases.</summary>
    IPageLeases Pages { get; }

    /// <summary>Breakpoint leases.</summary>
    IBreakpointLeases Breakpoints { get; }

    /// <summary>Single-step leases.</summary>
    ISinglestepLeases Singlestep { get; }

    /// <summary>Leases of EPT views.</summary>
    IViewLeases Views { get; }

    /// <summary>Register edits.</summary>
    IRegisterEdits Registers { get; }

    /// <summary>Numbers for the summary.</summary>
    IPolicyFacts Facts { get; }

    /// <summary>Clock.</summary>
    IPolicyClock Clock { get; }

    /// <summary>The VM.</summary>
    IGuestVm Vm { get; }

    /// <summary>True in enforce mode.</summary>
    bool Enforcing { get; }

    /// <summary>Raises an alert.</summary>
    void Alert(string name, object? fields);

    /// <summary>Writes a record.</summary>
    void Record(string name, object? fields);

    /// <summary>Finds a published service.</summary>
    T Service<T>()
        where T : class;

    /// <summary>Publishes a service.</summary>
    void Publish<T>(T service)
        where T : class;

    /// <summary>Finds one of several services of a type by its name. Since contract 1.1; a test kit of 1.0 has none.</summary>
    T Service<T>(string name)
        where T : class => throw new NotSupportedException("These policy services were built against contract 1.0, which has no named services.");

    /// <summary>Publishes one of several services of a type. Since contract 1.1.</summary>
    void Publish<T>(string name, T service)
        where T : class => throw new NotSupportedException("These policy services were built against contract 1.0, which has no named services.");
}
