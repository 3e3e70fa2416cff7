// WHAT: Loops that end, but not in this century.
// EXPECT: stopped used up its fuel
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    var sum = 0L;
    for (var i = 0; i < int.MaxValue; i++)
        for (var j = 0; j < int.MaxValue; j++)
            sum += i ^ j;
    return sum == 1 ? Keep(e.Old) : Allow;
}
