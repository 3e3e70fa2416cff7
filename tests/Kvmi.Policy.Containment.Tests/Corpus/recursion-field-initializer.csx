// WHAT: A field initializer that makes another object of its class.
// EXPECT: stopped is nested too deeply
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    _ = new Endlessly();
    return Allow;
}

class Endlessly { Endlessly inner = new(); }
