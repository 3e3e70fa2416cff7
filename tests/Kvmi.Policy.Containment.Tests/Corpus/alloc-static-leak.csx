// WHAT: Memory kept from event to event in a static field, each run within its budget.
// EXPECT: leaks
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    Kept.All.Add(new byte[100_000]);
    return Allow;
}

static class Kept { public static readonly List<byte[]> All = []; }
