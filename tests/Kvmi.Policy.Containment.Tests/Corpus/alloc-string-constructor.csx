// WHAT: One string of 200 MB, made by the framework.
// EXPECT: stopped allocated more than
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    return new string('x', 100_000_000).Length == 1 ? Keep(e.Old) : Allow;
}
