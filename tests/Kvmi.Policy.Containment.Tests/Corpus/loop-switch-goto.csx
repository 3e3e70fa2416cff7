// WHAT: Two cases of a switch that jump to each other.
// EXPECT: stopped used up its fuel
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    switch (e.Cr)
    {
        case 3: goto case 4;
        case 4: goto case 3;
    }
    return Allow;
}
