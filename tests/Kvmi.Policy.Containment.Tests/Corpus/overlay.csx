// WHAT: Two references over each other.
// EXPECT: refused KP0408 (no line: there is no body)
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    return Allow;
}

[System.Runtime.InteropServices.StructLayout(System.Runtime.InteropServices.LayoutKind.Explicit)]
struct S
{
    [System.Runtime.InteropServices.FieldOffset(0)] public string A;
    [System.Runtime.InteropServices.FieldOffset(0)] public int[] B;
}
