// WHAT: Ends the process at once.
// EXPECT: refused KP0408
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    Environment.FailFast("x");
    return Allow;
}
