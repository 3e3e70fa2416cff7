// WHAT: An exception whose Message never returns: the host asks for it when the run is over.
// EXPECT: error threw Endless
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    throw new Endless();
}

class Endless : Exception { public override string Message { get { while (true) { } } } }
