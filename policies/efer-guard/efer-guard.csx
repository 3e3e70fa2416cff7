// EFER guard: no-execute and SYSCALL are switched on once at boot and never off.

var pinned = (ulong)Params.Int("pinned");

Decision OnEfer(MsrEvent e)
{
    var cleared = e.Old & ~e.New & pinned;
    if (cleared == 0)
        return Allow;

    Alert("efer-unpin", new { e.Vcpu, e.Old, e.New, cleared, e.Rip });
    return Set(e.New | cleared);
}
