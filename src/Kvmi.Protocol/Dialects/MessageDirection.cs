namespace Kvmi.Protocol.Dialects;

/// <summary>Which end of the connection sent a message.</summary>
public enum MessageDirection
{
    /// <summary>The introspection tool sent it.</summary>
    ToolToKernel,

    /// <summary>The hypervisor (device manager, then kernel) sent it.</summary>
    KernelToTool,
}
