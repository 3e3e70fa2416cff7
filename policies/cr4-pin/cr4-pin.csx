// CR4 pin: protection bits that were set once stay set; the rest of the write is the guest's business.

var pinned = (ulong)Params.Int("pinned");

Decision OnCr4(CrEvent e)
{
    var cleared = e.Cleared & pinned;
    if (cleared == 0)
        return Allow;

    Alert("cr4-unpin", new { e.Vcpu, e.Old, e.New, cleared, e.Rip });
    return Set(e.New | cleared);
}
