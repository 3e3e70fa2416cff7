// WHAT: One array of two dimensions, larger than the machine.
// EXPECT: error
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    var n = 1 << 20;
    _ = new long[n, n];
    return Allow;
}
