// WHAT: An aggregate that doubles on each turn.
// EXPECT: stopped allocated more than
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    return Enumerable.Range(0, 64).Aggregate("x", (text, _) => text + text).Length == 1 ? Keep(e.Old) : Allow;
}
