// WHAT: A sort whose comparison says something else each time.
// EXPECT: stopped
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    var n = 0;
    while (true)
    {
        try { new List<int>(new int[5000]).Sort((a, b) => ++n % 3 - 1); }
        catch (InvalidOperationException) { }
    }
}
