// WHAT: A dictionary with room for a hundred million entries.
// EXPECT: stopped allocated more than
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    return new Dictionary<long, long>(100_000_000).Count == 1 ? Keep(e.Old) : Allow;
}
