// System-call entry guard: the code behind LSTAR is read-only, except for the kernel itself.

const ulong PageSize = 4096;
var reach = (ulong)Params.Int("kernelReach");
var count = (ulong)Params.Int("pages");
var kernel = State.Map<int, ulong>("kernel", 1);           // the system-call entry that is guarded: the first that was seen
var byKernel = Facts.Get("writes by the kernel");

Decision OnLstar(MsrEvent e)
{
    Guard(e, e.Old != 0 ? e.Old : e.New);
    return Allow;
}

Decision OnCr4(CrEvent e)
{
    Guard(e, e.Frame.Msrs.Lstar);
    return Allow;
}

Decision OnWrite(PageFaultEvent e)
{
    if (IsKernel(e.Rip))
    {
        byKernel.Value++;
        return Allow;                                      // KVM carries out this one write; the page stays guarded
    }

    Alert("entry-patch", new { e.Vcpu, e.Gva, e.Gpa, e.Rip, writer = Memory.TryReadVirtual(e, e.Rip, 64), before = Memory.TryReadPhysical(e.Gpa & ~15UL, 16) });
    return Skip(otherwise: LetThrough);
}

Decision LetThrough(PageFaultEvent e) => Allow;            // what audit mode does

void Guard<TEvent>(TEvent e, ulong entry) where TEvent : IGuestEvent, allows ref struct
{
    if (entry == 0 || kernel.Count != 0)
        return;

    var first = entry & ~(PageSize - 1);
    var guarded = 0;
    for (ulong i = 0; i < count; i++)
    {
        if (Memory.TryTranslate(e, first + (i * PageSize), out var gpa) && Pages.Set(gpa, Access.ReadExecute))
            guarded++;
    }

    if (guarded == 0)
        return;                                            // not mapped yet: the next event tries again

    kernel.TrySet(0, entry);
    Record("entry-guarded", new { e.Vcpu, entry, guarded });
}

bool IsKernel(ulong rip) => kernel.TryGet(0, out var entry) && (rip > entry ? rip - entry : entry - rip) <= reach;
