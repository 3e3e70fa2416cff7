// WHAT: A record that holds itself, as the key of a dictionary.
// EXPECT: stopped is nested too deeply
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    var ring = new Ring();
    ring.Next = ring;
    var seen = new Dictionary<Ring, int> { [ring] = 1 };
    return Allow;
}

record Ring { public Ring? Next { get; set; } }
