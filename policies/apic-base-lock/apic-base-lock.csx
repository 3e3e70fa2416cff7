// APIC base lock: the flags of the register are the guest's business, the address is not.

const ulong Address = 0x000F_FFFF_FFFF_F000;

Decision OnApicBase(MsrEvent e)
{
    if ((e.Changed & Address) == 0)
        return Allow;

    Alert("apic-moved", new { e.Vcpu, e.Old, e.New, e.Rip });
    return Set((e.New & ~Address) | (e.Old & Address));
}
