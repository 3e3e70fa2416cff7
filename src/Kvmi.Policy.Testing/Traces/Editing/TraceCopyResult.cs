namespace Kvmi.Policy.Testing.Traces.Editing;

/// <summary>What a copy of a trace has become.</summary>
/// <param name="Events">Events in the copy.</param>
/// <param name="FirstEvent">Number that its first event had in the original; 0 when it has none.</param>
/// <param name="Dropped">Events that were left out.</param>
/// <param name="Contents">Pieces of guest memory whose bytes were left out.</param>
/// <param name="Length">Bytes of the copy.</param>
public sealed record TraceCopyResult(long Events, long FirstEvent, long Dropped, long Contents, long Length);
