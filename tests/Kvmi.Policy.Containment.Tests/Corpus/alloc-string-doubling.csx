// WHAT: A string that doubles.
// EXPECT: stopped allocated more than
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    var s = "x";
    while (true)
        s += s;
}
