namespace Kvmi.Policy.Engine.Runtime.State;

/// <summary>A named collection of a policy.</summary>
internal interface IStateCollection
{
    int Capacity { get; }

    /// <summary>True when an element type was defined by a script or plugin: the collection must not outlive its generation.</summary>
    bool HoldsCollectibleTypes { get; }
}
