// WHAT: Stack memory in a loop.
// EXPECT: refused KP0409
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    while (true)
    {
        Span<byte> b = stackalloc byte[16];
    }
}
