// WHAT: Exceptions thrown and caught as fast as possible.
// EXPECT: stopped used up its fuel
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    while (true)
    {
        try { throw new InvalidOperationException(); }
        catch (InvalidOperationException) { }
    }
}
