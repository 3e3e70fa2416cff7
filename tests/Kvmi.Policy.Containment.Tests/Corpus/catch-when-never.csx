// WHAT: A filter that looks at the exception and lets it pass, in a loop.
// EXPECT: stopped used up its fuel
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    while (true)
    {
        try { while (true) { } }
        catch (Exception x) when (x.Message.Length < 0) { }
    }
}
