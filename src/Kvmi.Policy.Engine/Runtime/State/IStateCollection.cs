namespace Kvmi.Policy.Engine.Runtime.State;

/// <summary>A named collection of a policy.</summary>
internal interface IStateCollection
{
    int Capacity { get; }

    int Count { get; }

    /// <summary>What it is, as a script writes it.</summary>
    string TypeText { get; }

    /// <summary>True when an element type was defined by a script or plugin: the collection must not outlive its generation.</summary>
    bool HoldsCollectibleTypes { get; }
}
