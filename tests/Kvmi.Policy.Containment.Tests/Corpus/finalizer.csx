// WHAT: A finalizer that never returns.
// EXPECT: refused KP0408
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    _ = new F();
    return Allow;
}

class F { ~F() { while (true) { } } }
