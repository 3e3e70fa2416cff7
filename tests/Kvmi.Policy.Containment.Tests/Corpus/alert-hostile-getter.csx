// WHAT: An alert whose field is a property that never returns.
// EXPECT: stopped used up its fuel
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    Alert("x", new Field());
    return Allow;
}

public class Field { public int Value { get { while (true) { } } } }
