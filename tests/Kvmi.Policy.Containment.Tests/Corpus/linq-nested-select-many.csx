// WHAT: A query in the lambda of a query in the lambda of a query, over numbers without end.
// EXPECT: stopped
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    var all = Enumerable.Range(0, int.MaxValue).SelectMany(a => Enumerable.Range(0, int.MaxValue).SelectMany(b => Enumerable.Range(a, 3).Where(c => c < b && c > b)));
    return all.Any() ? Keep(e.Old) : Allow;
}
