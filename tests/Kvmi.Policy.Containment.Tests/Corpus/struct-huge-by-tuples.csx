// WHAT: The same with tuples, which need no declaration.
// EXPECT: refused KP0408
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    return Take() == 1 ? Keep(e.Old) : Allow;
}

T7<T7<T7<T7<T7<T7<T7<long>>>>>>> Made() => default;

struct T7<T> { public (T, T, T, T, T, T, T) V; }

int Take()
{
    var t = Made();
    return t.GetHashCode();
}
