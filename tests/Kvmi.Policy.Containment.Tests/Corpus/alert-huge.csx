// WHAT: An alert with long and dangerous text.
// EXPECT: harmless
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    Alert(new string('\u001b', 100_000), new { Text = new string('\n', 1_000_000) });
    return Allow;
}
