// WHAT: Code that runs when the assembly is loaded.
// EXPECT: refused KP0408
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    return Allow;
}

static class Start { [System.Runtime.CompilerServices.ModuleInitializer] internal static void Run() { while (true) { } } }
