namespace Kvmi.Policy.Engine.Output;

/// <summary>One vote as the output ring keeps it: nothing of it belongs to a generation's code.</summary>
internal struct OutputVote
{
    public string Policy;
    public DecisionKind Kind;
    public ulong Value;
    public bool Audit;
    public bool Failed;
}
