// WHAT: A comparison that sorts with itself.
// EXPECT: stopped is nested too deeply
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    new List<int> { 2, 1 }.Sort(new Nested());
    return Allow;
}

class Nested : IComparer<int>
{
    public int Compare(int a, int b)
    {
        new List<int> { a, b + 1 }.Sort(new Nested());
        return 0;
    }
}
