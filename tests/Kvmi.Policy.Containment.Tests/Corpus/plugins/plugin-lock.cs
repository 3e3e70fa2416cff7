// WHAT: Waits for a lock that another thread holds for ever.
// EXPECT: deadline
using System;
using System.Collections.Generic;
using System.Threading;
using Kvmi.Policy;
[assembly: PolicyPlugin("plugin-lock")]

public class Hostile : PolicyBase
{
    private static readonly object Gate = new();
    private static readonly ManualResetEventSlim Held = new();

    Decision OnCr(CrEvent e)
    {
        new Thread(() => { lock (Gate) { Held.Set(); Thread.Sleep(Timeout.Infinite); } }) { IsBackground = true }.Start();
        Held.Wait();
        lock (Gate) { return Allow; }
    }
}
