// WHAT: An operator that uses itself.
// EXPECT: stopped is nested too deeply
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    _ = new Op() + new Op();
    return Allow;
}

class Op { public static Op operator +(Op a, Op b) => new Op() + (a + b); }
