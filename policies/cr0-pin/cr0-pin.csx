// CR0 pin: whoever clears write protection is about to write where the page tables forbid it.

var pinned = (ulong)Params.Int("pinned");

Decision OnCr0(CrEvent e)
{
    var cleared = e.Cleared & pinned;
    if (cleared == 0)
        return Allow;

    Alert("cr0-unpin", new { e.Vcpu, e.Old, e.New, cleared, e.Rip, writer = Memory.TryReadVirtual(e, e.Rip, 64) });
    return Set(e.New | cleared);
}
