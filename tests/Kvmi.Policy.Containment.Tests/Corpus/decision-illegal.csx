// WHAT: A decision that cannot answer the event.
// EXPECT: error not legal
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    return Skip();
}
