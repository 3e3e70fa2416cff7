// IDT page guard: the pages under each vCPU's interrupt table are read-only, except for the kernel itself.

const ulong PageSize = 4096;
const ulong TableSize = 256 * 16;                          // a limit beyond 256 gates has no meaning
var reach = (ulong)Params.Int("kernelReach");
var kernel = State.Map<int, ulong>("kernel", 1);           // the first system-call entry that was seen
var tables = State.Map<int, ulong>("tables", 1024);        // base of the table that is guarded, per vCPU
var pages = State.Set<ulong>("pages", Params.Int("capacity"));
var byKernel = Facts.Get("writes by the kernel");

Decision OnLstar(MsrEvent e)
{
    Learn(e.Old != 0 ? e.Old : e.New);
    Guard(e);
    return Allow;
}

Decision OnCr4(CrEvent e)
{
    Learn(e.Frame.Msrs.Lstar);
    if (e.Frame.Msrs.Lstar != 0)                           // else this vCPU still boots, with a table of its loader
        Guard(e);
    return Allow;
}

Decision OnWrite(PageFaultEvent e)
{
    if (IsKernel(e.Rip))
    {
        byKernel.Value++;
        return Allow;                                      // KVM carries out this one write; the page stays guarded
    }

    Alert("idt-write", new { e.Vcpu, e.Gva, e.Gpa, gate = (e.Gpa & (PageSize - 1)) / 16, e.Rip, writer = Memory.TryReadVirtual(e, e.Rip, 64) });
    return Skip(otherwise: LetThrough);
}

Decision LetThrough(PageFaultEvent e) => Allow;            // what audit mode does

void Guard<TEvent>(TEvent e) where TEvent : IGuestEvent, allows ref struct
{
    var table = e.Sregs.Idt.Base;
    if (tables.TryGet(e.Vcpu, out var known) && known == table)
        return;

    for (var page = table & ~(PageSize - 1); page < table + TableSize && page != 0; page += PageSize)
    {
        if (!Memory.TryTranslate(e, page, out var gpa) || Pages.Get(gpa) != Access.All)
            continue;

        if ((!pages.Contains(gpa) && !pages.Add(gpa)) || !Pages.Set(gpa, Access.ReadExecute))
            Alert("idt-not-guarded", new { e.Vcpu, table, gpa, guarded = pages.Count });
        else
            Record("idt-guarded", new { e.Vcpu, table, gpa });
    }

    tables.TrySet(e.Vcpu, table);
}

void Learn(ulong entry)
{
    if (entry != 0 && kernel.Count == 0)
        kernel.TrySet(0, entry);
}

bool IsKernel(ulong rip) => kernel.TryGet(0, out var entry) && (rip > entry ? rip - entry : entry - rip) <= reach;
