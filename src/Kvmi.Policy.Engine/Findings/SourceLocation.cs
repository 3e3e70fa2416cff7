namespace Kvmi.Policy.Engine.Findings;

/// <summary>A place in a file.</summary>
/// <param name="File">Path as the user gave it or found it.</param>
/// <param name="Line">Line, from 1; 0 when the whole file is meant.</param>
/// <param name="Column">Column, from 1; 0 when the whole line is meant.</param>
public readonly record struct SourceLocation(string File, int Line = 0, int Column = 0)
{
    /// <inheritdoc/>
    public override string ToString() => Line == 0 ? File : $"{File}:{Line}:{Column}";
}
