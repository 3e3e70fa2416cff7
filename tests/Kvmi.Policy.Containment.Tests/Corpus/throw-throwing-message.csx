// WHAT: An exception whose Message throws itself.
// EXPECT: error threw Angry
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    throw new Angry();
}

class Angry : Exception { public override string Message => throw this; }
