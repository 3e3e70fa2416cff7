namespace Kvmi.Policy.Engine.Scripting.Coverage;

/// <summary>One file of a script.</summary>
/// <param name="File">Its path, as findings show it.</param>
/// <param name="Lines">Its lines with statements, in order.</param>
public sealed record FileCoverage(string File, IReadOnlyList<LineCoverage> Lines);
