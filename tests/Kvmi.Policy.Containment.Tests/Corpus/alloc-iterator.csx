// WHAT: An iterator that keeps what it gave.
// EXPECT: stopped allocated more than
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    return All().ToList().Count == 1 ? Keep(e.Old) : Allow;
}

IEnumerable<byte[]> All() { while (true) yield return new byte[10_000]; }
