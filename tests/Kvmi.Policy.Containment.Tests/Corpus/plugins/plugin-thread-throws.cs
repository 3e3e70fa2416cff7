// WHAT: Throws on a thread of its own, which nobody can catch.
// EXPECT: worker
using System;
using System.Collections.Generic;
using System.Threading;
using Kvmi.Policy;
[assembly: PolicyPlugin("plugin-thread-throws")]

public class Hostile : PolicyBase
{
    Decision OnCr(CrEvent e)
    {
        var thread = new Thread(() => throw new InvalidOperationException("no"));
        thread.Start();
        thread.Join();
        return Allow;
    }
}
