// WHAT: Answers three seconds late.
// EXPECT: deadline
using System;
using System.Collections.Generic;
using System.Threading;
using Kvmi.Policy;
[assembly: PolicyPlugin("plugin-late")]

public class Hostile : PolicyBase
{
    Decision OnCr(CrEvent e)
    {
        Thread.Sleep(3000);
        return Crash();
    }
}
