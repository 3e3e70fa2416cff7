// WHAT: A loop in a field initializer.
// EXPECT: stopped used up its fuel
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    _ = new Slow();
    return Allow;
}

class Slow { int x = Spin(); static int Spin() { while (true) { } } }
