// WHAT: A loop in the finally block of an iterator, which the compiler makes a method.
// EXPECT: stopped used up its fuel
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    foreach (var i in Steps())
        break;
    return Allow;
}

IEnumerable<int> Steps()
{
    try { yield return 1; yield return 2; }
    finally { while (true) { } }
}
