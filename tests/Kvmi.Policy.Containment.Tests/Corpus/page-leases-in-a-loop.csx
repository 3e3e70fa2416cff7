// WHAT: Page rights changed again and again.
// EXPECT: deadline
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    for (var i = 0UL; i < 150_000; i++)
        Pages.Set(0x10_0000, (i & 1) == 0 ? PageAccess.Read : PageAccess.All);
    return Allow;
}
