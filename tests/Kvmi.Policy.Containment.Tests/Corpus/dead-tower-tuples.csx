// WHAT: A tower of tuples, each in the one above, that grows with each event and is hashed: the framework alone calls itself.
// EXPECT: worker
object tower = 1;

Decision OnCr(CrEvent e)
{
    for (var i = 0; i < 20_000; i++)
        tower = (tower, 1);
    return tower.GetHashCode() == 1 ? Keep(e.Old) : Allow;
}
