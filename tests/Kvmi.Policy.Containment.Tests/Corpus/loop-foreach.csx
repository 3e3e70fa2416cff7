// WHAT: A loop over an iterator without end.
// EXPECT: stopped used up its fuel
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    foreach (var i in Endless()) { }
    return Allow;
}

IEnumerable<int> Endless() { while (true) yield return 1; }
