// WHAT: Allocates more than its budget.
// EXPECT: stopped allocated more than
using System;
using System.Collections.Generic;
using System.Threading;
using Kvmi.Policy;
[assembly: PolicyPlugin("plugin-allocate")]

public class Hostile : PolicyBase
{
    private byte[] _kept = [];

    Decision OnCr(CrEvent e)
    {
        _kept = new byte[64 << 20];
        return Allow;
    }
}
