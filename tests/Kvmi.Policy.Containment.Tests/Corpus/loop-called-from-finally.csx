// WHAT: A finally block that calls a method which never returns and wants to be inlined.
// EXPECT: stopped used up its fuel
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    try { _ = e.New; }
    finally { Spin(); }
    return Allow;
}

[System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.AggressiveInlining)]
static void Spin() { while (true) { } }
