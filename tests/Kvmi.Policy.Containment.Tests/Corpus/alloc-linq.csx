// WHAT: A sequence of the framework, made an array.
// EXPECT: stopped allocated more than
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    return Enumerable.Range(0, 100_000_000).ToArray().Length == 1 ? Keep(e.Old) : Allow;
}
