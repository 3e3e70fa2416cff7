// IDTR guard: after boot only the kernel itself has a reason to load its descriptor tables.

var reach = (ulong)Params.Int("kernelReach");
var kernel = State.Map<int, ulong>("kernel", 1);           // the first system-call entry that was seen

Decision OnLstar(MsrEvent e)
{
    Learn(e.Old != 0 ? e.Old : e.New);
    return Allow;
}

Decision OnLoad(DescriptorEvent e)
{
    Learn(e.Frame.Msrs.Lstar);
    if (e.Frame.Msrs.Lstar == 0 || IsKernel(e.Rip))        // 0: this vCPU still boots
        return Allow;

    Alert("table-load", new
    {
        e.Vcpu, e.Descriptor, e.Rip,
        idt = e.Sregs.Idt.Base, gdt = e.Sregs.Gdt.Base,    // of before: the event does not tell the new one
        writer = Memory.TryReadVirtual(e, e.Rip, 64),
    });
    return Inject(Exceptions.GeneralProtection);
}

void Learn(ulong entry)
{
    if (entry != 0 && kernel.Count == 0)
        kernel.TrySet(0, entry);
}

bool IsKernel(ulong rip) => kernel.TryGet(0, out var entry) && (rip > entry ? rip - entry : entry - rip) <= reach;
