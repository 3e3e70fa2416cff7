using Kvmi.Policy.Engine.Generations;

namespace Kvmi.Policy.Engine.Shadow;

/// <summary>Where a finished generation can run beside the live one, without a vote, until it is promoted or discarded. Any thread.</summary>
public interface IShadowTarget
{
    /// <summary>The generation that runs as shadow; null for none.</summary>
    Generation? Shadow { get; }

    /// <summary>Makes a generation the shadow, in place of the one before. Takes over the creator's hold on it.</summary>
    void SetShadow(Generation next);

    /// <summary>Makes the shadow live, as <see cref="IGenerationTarget.Swap"/> does.</summary>
    /// <param name="problem">Why it was refused, one sentence.</param>
    /// <returns>False when there is none, or its code hangs.</returns>
    bool TryPromote([System.Diagnostics.CodeAnalysis.NotNullWhen(false)] out string? problem);

    /// <summary>Lets the shadow go.</summary>
    /// <returns>False when there is none.</returns>
    bool Discard();
}
