// WHAT: The same from the top-level statements.
// EXPECT: not-started threw Endless
throw new Endless();

class Endless : Exception { public override string Message { get { while (true) { } } } }

Decision OnCr(CrEvent e) => Allow;
