// WHAT: One array of a gigabyte.
// EXPECT: stopped allocated more than
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    var n = 1 << 30;
    _ = new byte[n];
    return Allow;
}
