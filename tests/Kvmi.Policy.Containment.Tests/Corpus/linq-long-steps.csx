// WHAT: A query whose lambda searches 64 MiB for what is not there: each step of the script is a long one of the framework.
// EXPECT: deadline
using System.Linq;
using System.Collections.Generic;

byte[] haystack = new byte[64 << 20];

Decision OnCr(CrEvent e)
{
    return Enumerable.Range(0, int.MaxValue).Where(a => haystack.Contains((byte)1)).Any() ? Keep(e.Old) : Allow;
}
