// WHAT: A number padded to 200 MB.
// EXPECT: stopped allocated more than
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    return $"{e.New,100000000}".Length == 1 ? Keep(e.Old) : Allow;
}
