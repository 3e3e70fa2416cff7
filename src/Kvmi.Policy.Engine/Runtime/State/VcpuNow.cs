namespace Kvmi.Policy.Engine.Runtime.State;

/// <summary>Whose turn it is in state of scope "vcpu": the vCPU of the event that is being decided.</summary>
internal sealed class VcpuNow
{
    private readonly CurrentEvent _current;
    private readonly string _policyId;
    private readonly string _name;

    public VcpuNow(CurrentEvent current, string policyId, string name)
    {
        _current = current;
        _policyId = policyId;
        _name = name;
    }

    /// <summary>True while an event is being decided.</summary>
    public bool IsKnown => _current.Active;

    /// <summary>Its vCPU.</summary>
    /// <exception cref="InvalidOperationException">No event is being decided.</exception>
    public int Vcpu => _current.Active
        ? _current.Facts.Vcpu
        : throw new InvalidOperationException(
            $"State '{_name}' of policy {_policyId} has scope 'vcpu': it belongs to the vCPU of an event, and no event is being decided here. Use it in handlers, or write scope: vm.");
}
