// WHAT: A replacement that multiplies.
// EXPECT: stopped allocated more than
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    var s = new string('a', 1000).Replace("a", new string('a', 1000));
    return s.Replace("a", new string('b', 100)).Length == 1 ? Keep(e.Old) : Allow;
}
