// WHAT: A register that does not exist.
// EXPECT: error threw ArgumentOutOfRangeException
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    Registers.Set((GuestRegister)4711, 1);
    return Allow;
}
