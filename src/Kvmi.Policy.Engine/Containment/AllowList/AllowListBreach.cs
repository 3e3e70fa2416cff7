namespace Kvmi.Policy.Engine.Containment.AllowList;

/// <summary>Something that the allow-list does not let pass.</summary>
/// <param name="What">What the code does, as a sentence without its end: "uses System.IO.File.ReadAllText".</param>
/// <param name="Hint">What to do instead; null when there is no advice.</param>
/// <param name="File">Source file by the debug information; null when it tells none.</param>
/// <param name="Line">Line, from 1; 0 when not known.</param>
/// <param name="Column">Column, from 1; 0 when not known.</param>
internal sealed record AllowListBreach(string What, string? Hint, string? File, int Line, int Column);
