using Kvmi.Policy.Engine.Dispatch;

namespace Kvmi.Policy.Engine.Decisions;

/// <summary>One vote of the current event.</summary>
internal struct Vote
{
    public DispatchEntry Entry;

    /// <summary>What the handler said.</summary>
    public Decision Asked;

    /// <summary>What can be carried out of it: the same, or what otherwise, audit mode or an error made of it.</summary>
    public Decision Effective;

    public bool Audit;

    /// <summary>The handler threw, or its answer was illegal.</summary>
    public bool Failed;

    /// <summary>The policy's rate kept the event from its handler: the vote is allow.</summary>
    public bool LeftOut;
}
