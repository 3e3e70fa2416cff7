// WHAT: Two methods that call each other.
// EXPECT: stopped is nested too deeply
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    Ping(1);
    return Allow;
}

int Ping(int n) => Pong(n) + 1;
int Pong(int n) => Ping(n) + 1;
