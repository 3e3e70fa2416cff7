// WHAT: Another decision in each event.
// EXPECT: harmless
using System.Linq;
using System.Collections.Generic;

var n = 0;

Decision OnCr(CrEvent e)
{
    return n++ % 2 == 0 ? Allow : Allow;
}
