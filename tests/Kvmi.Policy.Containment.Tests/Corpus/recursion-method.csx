// WHAT: A method that calls itself.
// EXPECT: stopped is nested too deeply
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    Deep(1);
    return Allow;
}

int Deep(int n) => Deep(n + 1) + 1;
