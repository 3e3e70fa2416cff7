// WHAT: An exception thrown from the bottom of a deep stack, again and again.
// EXPECT: stopped
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    while (true)
    {
        try { Down(500); }
        catch (InvalidOperationException) { }
    }
}

int Down(int n) => n == 0 ? throw new InvalidOperationException() : Down(n - 1) + 1;
