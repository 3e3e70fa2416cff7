// WHAT: A loop whose condition never changes.
// EXPECT: stopped used up its fuel
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    do { } while (e.New == e.New);
    return Allow;
}
