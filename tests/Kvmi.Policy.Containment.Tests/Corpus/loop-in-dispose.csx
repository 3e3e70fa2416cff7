// WHAT: A loop in Dispose, called by a hidden finally block.
// EXPECT: stopped used up its fuel
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    while (true)
    {
        using var closing = new Closing();
    }
}

class Closing : IDisposable { public void Dispose() { while (true) { } } }
