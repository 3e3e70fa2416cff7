// WHAT: A list that grows without end.
// EXPECT: stopped allocated more than
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    var l = new List<byte[]>();
    while (true)
        l.Add(new byte[100_000]);
}
