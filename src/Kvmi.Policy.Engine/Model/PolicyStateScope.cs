namespace Kvmi.Policy.Engine.Model;

/// <summary>Who shares a policy's named state.</summary>
public enum PolicyStateScope
{
    /// <summary>Each VM has its own.</summary>
    Vm,

    /// <summary>Each vCPU has its own: a handler sees that of its event's vCPU.</summary>
    Vcpu,

    /// <summary>All VMs share it; the collections lock.</summary>
    Policy,
}
