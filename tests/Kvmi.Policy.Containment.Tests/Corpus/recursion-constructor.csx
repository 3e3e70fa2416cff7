// WHAT: A constructor that makes another object of its class.
// EXPECT: stopped is nested too deeply
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    _ = new Again(1);
    return Allow;
}

class Again { public Again(int n) { Inner = new Again(n + 1); } public Again Inner; }
