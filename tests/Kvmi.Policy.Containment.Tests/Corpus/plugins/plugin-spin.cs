// WHAT: Spins for ever.
// EXPECT: deadline
using System;
using System.Collections.Generic;
using System.Threading;
using Kvmi.Policy;
[assembly: PolicyPlugin("plugin-spin")]

public class Hostile : PolicyBase
{
    Decision OnCr(CrEvent e)
    {
        while (true) { }
    }
}
