namespace Kvmi.Policy.Engine.Model;

/// <summary>Who shares a policy's named state.</summary>
public enum PolicyStateScope
{
    /// <summary>Each VM has its own.</summary>
    Vm,

    /// <summary>All VMs share it; the collections lock.</summary>
    Policy,
}
