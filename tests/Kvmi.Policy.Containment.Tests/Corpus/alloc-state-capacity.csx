// WHAT: A collection with an absurd capacity.
// EXPECT: error
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    State.Set<ulong>("s", long.MaxValue);
    return Allow;
}
