// WHAT: A decision that cannot answer the event, by a way that the compiler does not see.
// EXPECT: error not legal
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    var decision = Skip();
    return decision;
}
