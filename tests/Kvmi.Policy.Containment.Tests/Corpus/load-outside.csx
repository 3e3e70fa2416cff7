// WHAT: Loads a file from elsewhere.
// EXPECT: refused KP0407
#load "/etc/passwd"

Decision OnCr(CrEvent e) => Allow;
