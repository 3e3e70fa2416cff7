// WHAT: A loop in an exception filter, which the runtime runs before it unwinds.
// EXPECT: stopped used up its fuel
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    try { throw new InvalidOperationException(); }
    catch (Exception) when (Spin()) { }
    return Allow;
}

bool Spin() { while (true) { } }
