// WHAT: Recursion in which the type of a local variable doubles on each level.
// EXPECT: refused KP0408
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    Grow(1L, 0);
    return Allow;
}

int Grow<T>(T x, int depth)
{
    (T, T, T, T, T, T, T) seven = default;
    return Grow(seven, depth + 1) + 1;
}
