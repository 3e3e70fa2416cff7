// XCR0 watch: a kernel says once which state components there are, and then leaves them alone.

var atBoot = (ulong)Params.Int("atBoot");
var changes = State.Map<int, ulong>("changes", 1);         // of the event's vCPU

Decision OnXsetbv(XsetbvEvent e)
{
    // Two dialects tell the values; in the others they are where the instruction has them: ECX, EDX:EAX.
    var xcr = e.HasValues ? (uint)e.Xcr : (uint)e.Regs.Rcx;
    var value = e.HasValues ? e.New : (e.Regs.Rdx << 32) | (uint)e.Regs.Rax;
    if (e.Cpl != 0 || xcr != 0)
    {
        // The event can come before the checks of the processor; it will fault.
        Alert("xsetbv-tried", new { e.Vcpu, xcr, value, e.Rip, e.Cpl });
        return Allow;
    }

    changes.TryGet(0, out var count);
    changes.TrySet(0, count + 1);
    if (count >= atBoot)
        Alert("xcr0-changed", new { e.Vcpu, value, e.Rip, change = count + 1, code = Memory.TryReadVirtual(e, e.Rip, 16) });

    return Allow;
}
