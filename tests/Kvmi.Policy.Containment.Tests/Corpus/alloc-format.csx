// WHAT: A number with a hundred million digits.
// EXPECT: stopped allocated more than
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    return 1.ToString("D100000000").Length == 1 ? Keep(e.Old) : Allow;
}
