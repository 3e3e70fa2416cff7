// WHAT: Writes through a wild pointer.
// EXPECT: refused KP0406
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    unsafe { *(int*)0 = 1; }
    return Allow;
}
