// WHAT: More facts than a policy may have.
// EXPECT: error may have 64 facts
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    for (var i = 0; ; i++)
        Facts.Get("f" + i).Value = i;
}
