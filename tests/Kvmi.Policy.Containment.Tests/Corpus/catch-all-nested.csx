// WHAT: Handlers of handlers that swallow everything.
// EXPECT: stopped used up its fuel
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    while (true)
    {
        try { try { while (true) { } } catch { while (true) { } } }
        catch { try { while (true) { } } catch { } }
    }
}
