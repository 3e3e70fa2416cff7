// CR3 watch: who are the address spaces, and does anything odd load one?

var roots = State.Set<ulong>("roots", Params.Int("capacity"));

Decision OnCr3(CrEvent e)
{
    var root = e.New & 0x000F_FFFF_FFFF_F000;   // drop PCID and the no-flush bit

    if (root >= Params.Gpa("guestRamTop"))
        Alert("cr3-outside-ram", new { root, e.Vcpu, e.Rip });

    if (e.Cpl == 0 && !IsKernelHalf(e.Rip))
        Alert("cr3-from-user-half", new { root, e.Rip, code = Memory.TryReadVirtual(e, e.Rip, 32) });

    if (roots.Add(root) && Params.Bool("reportFirst"))
        Record("new-root", new { root, total = roots.Count });

    return Allow;
}

static bool IsKernelHalf(ulong va) => (long)va < 0;
