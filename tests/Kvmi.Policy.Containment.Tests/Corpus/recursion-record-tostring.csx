// WHAT: A record that holds itself, printed.
// EXPECT: stopped is nested too deeply
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    var ring = new Ring();
    ring.Next = ring;
    return ring.ToString().Length == 1 ? Keep(e.Old) : Allow;
}

record Ring { public Ring? Next { get; set; } }
