// WHAT: An exception whose Message calls itself without end.
// EXPECT: error threw Recursive
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    throw new Recursive();
}

class Recursive : Exception { public override string Message => Message + "x"; }
