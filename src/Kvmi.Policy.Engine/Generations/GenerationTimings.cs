namespace Kvmi.Policy.Engine.Generations;

/// <summary>Where the time of a build went.</summary>
/// <param name="Compile">Reading and compiling scripts.</param>
/// <param name="Load">Loading plugins and scripts and binding handlers.</param>
/// <param name="Compiled">Scripts that were compiled.</param>
/// <param name="Cached">Scripts that had been compiled before, by this process or, with a compile cache, by another.</param>
public sealed record GenerationTimings(TimeSpan Compile, TimeSpan Load, int Compiled, int Cached);
