// WHAT: An exception with a message of millions of characters and control codes.
// EXPECT: error threw Loud
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    throw new Loud();
}

class Loud : Exception { public override string Message => new string('\u001b', 1 << 20); }
