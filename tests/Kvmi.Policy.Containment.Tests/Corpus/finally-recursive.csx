// WHAT: A method that calls itself again from its finally block.
// EXPECT: worker
Decision OnCr(CrEvent e)
{
    F();
    return Allow;
}

void F()
{
    try { F(); }
    finally { F(); }
}
