// WHAT: A dictionary of millions of entries, made by a query whose keys all collide.
// EXPECT: stopped
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    return Enumerable.Range(0, 10_000_000).ToDictionary(x => new Key(x)).Count == 1 ? Keep(e.Old) : Allow;
}

record struct Key(int Value)
{
    public override int GetHashCode() => 1;
}
