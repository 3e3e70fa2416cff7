// WHAT: Waits for something that never comes.
// EXPECT: refused KP0408
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    new System.Threading.ManualResetEventSlim().Wait();
    return Allow;
}
