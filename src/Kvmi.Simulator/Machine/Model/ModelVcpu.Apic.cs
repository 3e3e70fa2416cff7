namespace Kvmi.Simulator.Machine.Model;

/// <content>
/// Of the local APIC what starts another vCPU: x2APIC mode with the id, version and interrupt command registers (Intel SDM volume 3, 11.12). INIT and startup
/// IPIs reach their target; the model delivers no other interrupt.
/// </content>
internal sealed partial class ModelVcpu
{
    private const ulong X2ApicMode = 1UL << 10;
    private const uint ApicVersion = 0x14;
    private const uint DeliverInit = 5;
    private const uint DeliverStartup = 6;
    private const uint NoShorthand = 0;
    private const uint AllButSelf = 3;

    // Bits 13, 16, 17 and 20 to 31 of the interrupt command register are reserved.
    private const ulong IcrReserved = 0xFFF3_2000;

    private ulong _interruptCommand;

    private bool IsX2Apic => (_apicBase & X2ApicMode) != 0;

    /// <summary>Mode changes that IA32_APIC_BASE allows (Intel SDM volume 3, 11.12.5): x2APIC only from xAPIC, and only back to disabled.</summary>
    private bool TakesApicBase(ulong value)
    {
        const ulong Known = BootProcessor | X2ApicMode | ApicEnabled | (ControlBits.PhysicalAddressMask & ~0xFFFUL);
        if ((value & ~Known) != 0) return false;
        var wasEnabled = (_apicBase & ApicEnabled) != 0;
        var enables = (value & ApicEnabled) != 0;
        return (value & X2ApicMode) != 0 ? enables && wasEnabled : !IsX2Apic || !enables;
    }

    private bool TakesInterruptCommand(ulong value) => IsX2Apic && (value & IcrReserved) == 0;

    private void SendInterrupt(ulong command)
    {
        _interruptCommand = command;
        var mode = (uint)(command >> 8) & 7;
        var isLogical = (command & (1 << 11)) != 0;
        var shorthand = (uint)(command >> 18) & 3;
        if (mode is not (DeliverInit or DeliverStartup) || isLogical || shorthand is not (NoShorthand or AllButSelf)) return;
        for (var index = 0; index < _machine.VcpuCount; index++)
        {
            if (index == Index || (shorthand == NoShorthand && (ulong)index != command >> 32)) continue;
            var target = _machine.GetModelVcpu(index);
            if (mode == DeliverInit) target.ReceiveInit();
            else target.ReceiveStartup((byte)command);
        }
    }
}
