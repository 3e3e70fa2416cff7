// WHAT: An exception in every event.
// EXPECT: error threw InvalidOperationException
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    throw new InvalidOperationException("no");
}
