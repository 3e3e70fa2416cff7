// WHAT: A loop inside a lambda.
// EXPECT: stopped used up its fuel
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    Action f = () => { while (true) { } };
    f();
    return Allow;
}
