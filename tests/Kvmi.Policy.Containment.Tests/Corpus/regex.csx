// WHAT: A pattern that takes years.
// EXPECT: refused CS0234
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    return System.Text.RegularExpressions.Regex.IsMatch(new string('a', 40) + "!", "^(a+)+$") ? Keep(e.Old) : Allow;
}
