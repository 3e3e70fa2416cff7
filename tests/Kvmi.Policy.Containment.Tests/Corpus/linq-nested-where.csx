// WHAT: A query whose lambda starts another query for each number.
// EXPECT: stopped used up its fuel
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    return Enumerable.Range(0, 100_000).Where(a => Enumerable.Range(0, 100_000).Any(b => a * b < 0)).Any() ? Keep(e.Old) : Allow;
}
