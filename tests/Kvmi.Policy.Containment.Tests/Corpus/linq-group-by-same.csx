// WHAT: A grouping in which all keys collide.
// EXPECT: stopped used up its fuel
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    return Enumerable.Range(0, int.MaxValue).GroupBy(x => x, new Same()).Count() == 1 ? Keep(e.Old) : Allow;
}

class Same : IEqualityComparer<int>
{
    public bool Equals(int a, int b) => true;
    public int GetHashCode(int a) => 0;
}
