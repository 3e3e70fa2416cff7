// WHAT: A local variable of 64 MiB, by an attribute.
// EXPECT: refused KP0408
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    return Take() == 1 ? Keep(e.Old) : Allow;
}

[System.Runtime.InteropServices.StructLayout(System.Runtime.InteropServices.LayoutKind.Sequential, Size = 64 << 20)]
struct Big { public byte A; }

int Take()
{
    Big b = default;
    b.A = (byte)Deep(ref b);
    return b.A;
}

int Deep(ref Big b) => b.A;
