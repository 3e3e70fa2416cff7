// WHAT: Sleeps for ever.
// EXPECT: deadline
using System;
using System.Collections.Generic;
using System.Threading;
using Kvmi.Policy;
[assembly: PolicyPlugin("plugin-sleep")]

public class Hostile : PolicyBase
{
    Decision OnCr(CrEvent e)
    {
        Thread.Sleep(Timeout.Infinite);
        return Allow;
    }
}
