// WHAT: An exception vector that does not exist.
// EXPECT: error injects vector 200
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    return Inject(new GuestException(200, 0, 0));
}
