// WHAT: More named collections than a policy may have.
// EXPECT: error
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    for (var i = 0; ; i++)
        State.Set<ulong>("s" + i, 16).Add(e.New);
}
