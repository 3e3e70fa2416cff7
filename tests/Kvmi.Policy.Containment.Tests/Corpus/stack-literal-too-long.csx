// WHAT: Stack memory of a length that is not bounded.
// EXPECT: refused KP0409
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    Span<byte> b = stackalloc byte[(int)e.New];
    return Allow;
}
