// WHAT: A query in the lambda of a query that has no lambda itself: the framework counts for each number.
// EXPECT: stopped
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    return Enumerable.Range(0, int.MaxValue).Where(a => Enumerable.Range(0, 1_000_000).Contains(-1)).Any() ? Retry : Allow;
}
