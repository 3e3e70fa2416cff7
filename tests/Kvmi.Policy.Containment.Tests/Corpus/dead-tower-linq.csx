// WHAT: A tower of sequences, each over the one below; kept and built over several events, then walked.
// EXPECT: worker
using System.Linq;
using System.Collections.Generic;

IEnumerable<int> tower = new[] { 1 }.Where(x => x > 0);

Decision OnCr(CrEvent e)
{
    for (var i = 0; i < 20_000; i++)
        tower = tower.DefaultIfEmpty();
    return tower.Contains(2) ? Retry : Allow;
}
