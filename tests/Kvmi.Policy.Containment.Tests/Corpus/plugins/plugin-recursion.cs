// WHAT: Calls itself without end: the runtime ends the process.
// EXPECT: worker
using System;
using System.Collections.Generic;
using System.Threading;
using Kvmi.Policy;
[assembly: PolicyPlugin("plugin-recursion")]

public class Hostile : PolicyBase
{
    Decision OnCr(CrEvent e) => Deep(1) == 1 ? Keep(e.Old) : Allow;

    static int Deep(int n) => Deep(n + 1) + Deep(n + 2);
}
