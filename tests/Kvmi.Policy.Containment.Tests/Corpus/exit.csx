// WHAT: Ends the process.
// EXPECT: refused KP0408
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    Environment.Exit(0);
    return Allow;
}
