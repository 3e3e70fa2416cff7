// WHAT: A property that reads itself.
// EXPECT: stopped is nested too deeply
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    _ = new P().Self;
    return Allow;
}

class P { public P Self => Self.Self; }
