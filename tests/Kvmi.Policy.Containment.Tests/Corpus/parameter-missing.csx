// WHAT: A parameter that was never declared, read at start.
// EXPECT: not-started threw
var n = Params.Int("nothing");

Decision OnCr(CrEvent e) => Allow;
