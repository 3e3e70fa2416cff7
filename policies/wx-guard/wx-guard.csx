// W^X on watched frames: a frame flips between r-x and rw-, and we look at it on the way back.

var written = State.Set<ulong>("written", 65_536);
var approved = Params.List("approved");

Decision OnWrite(PageFaultEvent e)
{
    written.Add(e.Gpa >> 12);
    Pages.Set(e.Gpa, Access.ReadWrite);        // leased: unload puts it back
    return Retry;
}

Decision OnExecute(PageFaultEvent e)
{
    if (written.Contains(e.Gpa >> 12) && e.Cpl == 0)
    {
        Pages.Set(e.Gpa, Access.ReadOnly);         // first: another vCPU could write between the look and the approval
        var hash = Memory.HashPage(e.Gpa);
        if (!approved.Contains(hash))
        {
            Alert("wx-execute", new { e.Gva, e.Gpa, e.Rip, hash, code = Memory.TryReadPhysical(e.Gpa, 64) });
            return Inject(Exceptions.InvalidOpcode, otherwise: Run);
        }
    }
    return Run(e);
}

// What happens when the frame may run: also what audit mode does after the alert.
Decision Run(PageFaultEvent e)
{
    written.Remove(e.Gpa >> 12);
    Pages.Set(e.Gpa, Access.ReadExecute);
    return Retry;
}
