// WHAT: A loop in a static constructor.
// EXPECT: stopped
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    return State0.Value == 1 ? Keep(e.Old) : Allow;
}

static class State0 { public static readonly int Value; static State0() { while (true) { } } }
