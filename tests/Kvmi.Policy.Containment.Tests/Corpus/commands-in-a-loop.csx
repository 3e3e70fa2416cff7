// WHAT: Guest memory read again and again: each read is a command.
// EXPECT: deadline
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    var page = new byte[4096];
    for (var i = 0; i < 150_000; i++)
        Memory.TryReadPhysical((ulong)i << 12 & 0xFF_F000, page);
    return Allow;
}
