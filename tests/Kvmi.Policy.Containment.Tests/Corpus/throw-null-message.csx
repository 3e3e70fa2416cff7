// WHAT: An exception without a message.
// EXPECT: error threw Silent
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    throw new Silent();
}

class Silent : Exception { public override string Message => null!; }
