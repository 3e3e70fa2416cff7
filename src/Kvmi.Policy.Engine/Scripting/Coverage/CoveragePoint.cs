namespace Kvmi.Policy.Engine.Scripting.Coverage;

/// <summary>A statement of a script, or one way out of a branch.</summary>
/// <param name="File">Source file.</param>
/// <param name="Line">Line on which the statement begins, from 1.</param>
/// <param name="IsBranch">True for a way out of a branch.</param>
internal readonly record struct CoveragePoint(string File, int Line, bool IsBranch);
