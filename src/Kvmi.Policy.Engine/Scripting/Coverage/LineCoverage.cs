namespace Kvmi.Policy.Engine.Scripting.Coverage;

/// <summary>One line of a script on which a statement begins.</summary>
/// <param name="Line">The line, from 1.</param>
/// <param name="Hits">How often its most frequent statement ran.</param>
/// <param name="Branches">Ways out of the conditional jumps of its statements.</param>
/// <param name="TakenBranches">Those of them that were taken.</param>
public readonly record struct LineCoverage(int Line, long Hits, int Branches, int TakenBranches);
