// WHAT: Alerts in a loop.
// EXPECT: stopped
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    while (true)
        Alert("flood", new { e.Rip });
}
