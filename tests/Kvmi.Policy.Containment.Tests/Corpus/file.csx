// WHAT: Reads a file.
// EXPECT: refused KP0408
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    return System.IO.File.ReadAllText("/etc/passwd").Length == 1 ? Keep(e.Old) : Allow;
}
