// WHAT: A jump backwards.
// EXPECT: stopped used up its fuel
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    again: goto again;
}
