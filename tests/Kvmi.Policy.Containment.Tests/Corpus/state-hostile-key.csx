// WHAT: A key whose comparison never returns, kept over a reload.
// EXPECT: stopped used up its fuel
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    State.Set<Key>("keys", 16).Add(new Key { Value = e.New });
    State.Set<Key>("keys", 16).Add(new Key { Value = e.New });
    return Allow;
}

public struct Key : IEquatable<Key>
{
    public ulong Value;
    public bool Equals(Key other) { while (true) { } }
}
