// WHAT: Takes a lock.
// EXPECT: refused KP0408
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    lock (Params) { }
    return Allow;
}
