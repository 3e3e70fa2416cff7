// LSTAR lock: set once per vCPU after reset, then it is nobody's to move.

var allowedTargets = Params.List("allowedTargets");

Decision OnLstar(MsrEvent e)
{
    if (e.Old == 0)                     return Allow;   // reset or hot-added vCPU
    if (allowedTargets.Contains(e.New)) return Allow;

    var code = Memory.TryReadVirtual(e, [new(e.Rip, 64), new(e.New, 64)]);   // both in one go
    Alert("lstar-hijack", new { e.Vcpu, e.Old, e.New, e.Rip, writer = code[0], target = code[1] });
    return Keep(e.Old);                                 // reply CONTINUE with the old value
}
