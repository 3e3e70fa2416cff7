// Hypercall watch: without an agent in the guest nobody there has anything to say to us.

var agents = Params.List("agents");

Decision OnHypercall(HypercallEvent e)
{
    if (agents.Contains(e.Cr3 & 0x000F_FFFF_FFFF_F000))    // without PCID
        return Allow;

    Alert("introspection-hypercall", new { e.Vcpu, e.Rip, e.Cpl, e.Cr3, rax = e.Regs.Rax, rdx = e.Regs.Rdx });
    return Allow;
}
