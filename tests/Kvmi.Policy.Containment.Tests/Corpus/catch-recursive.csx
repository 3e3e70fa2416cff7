// WHAT: A method that calls itself again from its catch block.
// EXPECT: stopped
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    F();
    return Allow;
}

void F()
{
    try { F(); }
    catch { F(); }
}
