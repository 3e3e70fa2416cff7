// WHAT: Awaits.
// EXPECT: refused KP0405
async System.Threading.Tasks.Task F() => await System.Threading.Tasks.Task.Delay(-1);

Decision OnCr(CrEvent e) => Allow;
