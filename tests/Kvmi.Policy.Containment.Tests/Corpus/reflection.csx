// WHAT: Reads the private fields of the host.
// EXPECT: refused KP0408
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    _ = Params.GetType().GetFields();
    return Allow;
}
