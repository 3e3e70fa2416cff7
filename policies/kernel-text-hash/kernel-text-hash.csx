// Kernel text hash: the code around the system-call entry, page after page, against what it was at the last look.

const ulong PageSize = 4096;
var before = (ulong)Params.Int("pagesBefore");
var count = before + 1 + (ulong)Params.Int("pagesAfter");
var perLook = Math.Min((ulong)Params.Int("pagesPerLook"), count);
var interval = Params.Duration("interval");
var first = State.Map<int, ulong>("first", 1);             // the first page of the range
var known = State.Map<ulong, PageHash>("known", 1025);
var hashed = Facts.Get("pages hashed");
TimeSpan? last = null;
var next = 0UL;

Decision OnCr3(CrEvent e)
{
    var now = Clock.SinceAttach;
    if (now - last < interval || !TryFindFirst(e.Frame.Msrs.Lstar, out var start))
        return Allow;

    last = now;
    for (var i = 0UL; i < perLook; i++)
    {
        Look(e, start + (next * PageSize));
        next = (next + 1) % count;
    }

    return Allow;
}

bool TryFindFirst(ulong entry, out ulong start)
{
    if (first.TryGet(0, out start))
        return true;

    start = (entry & ~(PageSize - 1)) - (before * PageSize);
    return entry != 0 && first.TrySet(0, start);
}

void Look(CrEvent e, ulong page)
{
    // With isolated page tables the tables of user mode hold next to nothing of the kernel: another look will find it.
    if (!Memory.TryTranslate(e, page, out var gpa))
        return;

    var hash = Memory.HashPage(gpa);
    if (hash == PageHash.Unreadable)
        return;

    hashed.Value++;
    if (known.TryGet(page, out var was) && was != hash)
        Alert("text-changed", new { page, gpa, was, hash, e.Vcpu });

    known.TrySet(page, hash);
}
