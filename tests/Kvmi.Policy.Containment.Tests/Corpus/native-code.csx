// WHAT: Calls libc.
// EXPECT: refused KP0408 (no line: there is no body)
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    return getpid() == 1 ? Keep(e.Old) : Allow;
}

[System.Runtime.InteropServices.DllImport("libc")]
static extern int getpid();
