// WHAT: Top-level statements that never end.
// EXPECT: not-started used up its fuel
while (true) { }

Decision OnCr(CrEvent e) => Allow;
