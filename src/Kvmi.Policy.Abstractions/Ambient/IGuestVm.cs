namespace Kvmi.Policy;

/// <summary>The VM that a policy instance belongs to. Name and identity come from the device manager, not from the guest.</summary>
public interface IGuestVm
{
    /// <summary>Name from the handshake, control characters escaped; may be empty.</summary>
    string Name { get; }

    /// <summary>UUID from the handshake.</summary>
    Guid Uuid { get; }

    /// <summary>Number of vCPUs.</summary>
    int VcpuCount { get; }
}
