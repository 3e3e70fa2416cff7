// WHAT: References an assembly of its own choice.
// EXPECT: refused KP0404
#r "System.Diagnostics.Process"

Decision OnCr(CrEvent e) => Allow;
