// WHAT: A query over two thousand million numbers with a lambda.
// EXPECT: stopped used up its fuel
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    return Enumerable.Range(0, int.MaxValue).Where(x => x < 0).Any() ? Keep(e.Old) : Allow;
}
