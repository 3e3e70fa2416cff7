// WHAT: Starts a thread.
// EXPECT: refused KP0408
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    new System.Threading.Thread(() => { while (true) { } }).Start();
    return Allow;
}
