// WHAT: A loop that swallows whatever ends it.
// EXPECT: stopped used up its fuel
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    while (true)
    {
        try { while (true) { } }
        catch { }
    }
}
