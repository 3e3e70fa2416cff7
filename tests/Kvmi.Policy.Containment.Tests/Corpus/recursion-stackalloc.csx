// WHAT: Recursion that takes stack memory on each level.
// EXPECT: stopped is nested too deeply
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    return Use(1) == 1 ? Keep(e.Old) : Allow;
}

int Use(int n)
{
    Span<long> part = stackalloc long[512];
    part[0] = n;
    return Use(n + 1) + (int)part[0];
}
