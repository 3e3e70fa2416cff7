// W^X on watched frames: a frame flips between r-x and rw-, and we look at it on the way back.

var written = State.Set<ulong>("written", 65_536);

Decision OnWrite(PageFaultEvent e)
{
    written.Add(e.Gpa >> 12);
    Pages.Set(e.Gpa, Access.ReadWrite);        // leased: unload puts it back
    return Retry;
}

Decision OnExecute(PageFaultEvent e)
{
    var frame = e.Gpa >> 12;

    if (written.Contains(frame) && e.Cpl == 0)
    {
        var hash = Memory.HashPage(e.Gpa);
        if (!Params.List("approved").Contains(hash))
        {
            Alert("wx-execute", new { e.Gva, e.Gpa, e.Rip, hash, code = Memory.TryReadPhysical(e.Gpa, 64) });
            return Inject(Exceptions.InvalidOpcode, otherwise: () => Run(e, frame));
        }
    }
    return Run(e, frame);
}

// What happens when the frame may run: also what audit mode does after the alert.
Decision Run(PageFaultEvent e, ulong frame)
{
    written.Remove(frame);
    Pages.Set(e.Gpa, Access.ReadExecute);
    return Retry;
}
