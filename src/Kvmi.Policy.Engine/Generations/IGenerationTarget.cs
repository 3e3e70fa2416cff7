namespace Kvmi.Policy.Engine.Generations;

/// <summary>Where a finished generation goes live.</summary>
public interface IGenerationTarget
{
    /// <summary>The live generation; null before the first.</summary>
    Generation? Current { get; }

    /// <summary>
    /// Makes <paramref name="next"/> live: every VM takes it over between two events. Takes over the creator's hold on it and
    /// lets go of the one before.
    /// </summary>
    void Swap(Generation next);
}
