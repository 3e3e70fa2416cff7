// WHAT: An alert whose field prints itself without end.
// EXPECT: stopped
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    Alert("x", new { Value = new Text() });
    return Allow;
}

public class Text { public override string ToString() { while (true) { } } }
