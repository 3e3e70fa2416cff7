// WHAT: A loop in a finally block: nothing can end it.
// EXPECT: refused KP0410
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    try { return Allow; }
    finally { while (true) { } }
}
