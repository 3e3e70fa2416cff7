// WHAT: Sleeps.
// EXPECT: refused KP0408
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    System.Threading.Thread.Sleep(-1);
    return Allow;
}
