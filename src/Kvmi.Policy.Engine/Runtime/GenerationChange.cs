using Kvmi.Policy.Engine.Generations;

namespace Kvmi.Policy.Engine.Runtime;

/// <summary>The way from one generation to the next on one VM. Kept, because the thread that goes it may be lost to a policy's code.</summary>
internal sealed class GenerationChange
{
    public GenerationChange(Generation next, PolicySet before, PolicySetBuilder builder)
    {
        Next = next;
        Before = before;
        Builder = builder;
    }

    public Generation Next { get; }

    public PolicySet Before { get; }

    public PolicySetBuilder Builder { get; }

    /// <summary>The new policies serve; the old ones are leaving.</summary>
    public bool IsBuilt { get; set; }
}
