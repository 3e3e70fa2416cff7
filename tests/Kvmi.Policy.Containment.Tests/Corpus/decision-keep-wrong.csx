// WHAT: A keep that is no keep.
// EXPECT: error answered Keep
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    return Keep(e.Old + 4096);
}
