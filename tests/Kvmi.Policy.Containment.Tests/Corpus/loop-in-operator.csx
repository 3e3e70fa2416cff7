// WHAT: A loop in a conversion.
// EXPECT: stopped used up its fuel
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    int x = new Number();
    return Allow;
}

class Number { public static implicit operator int(Number n) { while (true) { } } }
