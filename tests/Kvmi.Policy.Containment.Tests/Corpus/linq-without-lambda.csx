// WHAT: A query of the framework alone: no code of the script runs in it.
// EXPECT: deadline
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    return Enumerable.Repeat(1, int.MaxValue).Concat(Enumerable.Repeat(1, int.MaxValue)).Contains(2) ? Retry : Allow;
}
