// WHAT: Throws in every event.
// EXPECT: error threw InvalidOperationException
using System;
using System.Collections.Generic;
using System.Threading;
using Kvmi.Policy;
[assembly: PolicyPlugin("plugin-throw")]

public class Hostile : PolicyBase
{
    Decision OnCr(CrEvent e) => throw new InvalidOperationException("no");
}
