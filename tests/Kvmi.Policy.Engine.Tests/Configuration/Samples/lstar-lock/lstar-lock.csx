// LSTAR lock: set once per vCPU after reset, then it is nobody's to move.

Decision OnLstar(MsrEvent e)
{
    if (e.Old == 0)                                    return Allow;   // reset or hot-added vCPU
    if (Params.List("allowedTargets").Contains(e.New)) return Allow;

    Alert("lstar-hijack", new
    {
        e.Vcpu, e.Old, e.New, e.Rip,
        writer = Memory.TryReadVirtual(e, e.Rip, 64),
        target = Memory.TryReadVirtual(e, e.New, 64),
    });
    return Keep(e.Old);                                // reply CONTINUE with the old value
}
