namespace Kvmi.Simulator.Machine.Model;

/// <content>The port space of the machine: one port, and an empty bus around it.</content>
public sealed partial class ModelMachine
{
    /// <summary>
    /// The port of the plug: a guest that writes here asks for one more vCPU, as an operator does with the device manager's device_add; reading gives
    /// the number of vCPUs. No real machine has it; what it leads to is that of a real hot-plug.
    /// </summary>
    public const ushort PlugPort = 0xAF00;

    internal uint ReadPort(ushort port, int size) => port == PlugPort ? (uint)VcpuCount : (uint)Alu.Mask(size);

    internal void WritePort(ushort port)
    {
        if (port == PlugPort) TryAddVcpu(out _);
    }
}
