// WHAT: A sorted query whose comparison sorts with a query itself.
// EXPECT: stopped
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    return Enumerable.Range(0, 5000).OrderBy(x => x, new Sorting()).First() == 1 ? Keep(e.Old) : Allow;
}

class Sorting : IComparer<int>
{
    public int Compare(int a, int b) => Enumerable.Range(0, 200).OrderBy(x => x, Comparer<int>.Create((c, d) => (c ^ a).CompareTo(d ^ b))).First();
}
