// WHAT: A lambda that calls itself.
// EXPECT: stopped is nested too deeply
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    Func<int, int> f = null!;
    f = x => f(x + 1) + 1;
    f(1);
    return Allow;
}
