// WHAT: Ends the process.
// EXPECT: worker
using System;
using System.Collections.Generic;
using System.Threading;
using Kvmi.Policy;
[assembly: PolicyPlugin("plugin-exit")]

public class Hostile : PolicyBase
{
    Decision OnCr(CrEvent e)
    {
        Environment.FailFast("goodbye");
        return Allow;
    }
}
