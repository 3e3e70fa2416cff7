using Kvmi.Protocol;
using Kvmi.Protocol.Events;

namespace Kvmi.Policy.Engine.Runtime;

/// <summary>What answers the current event when its deadline passes.</summary>
internal sealed class DeadlineReply
{
    /// <summary>The decision that answered the event at its deadline, once <see cref="IsGiven"/>.</summary>
    public Decision Decision { get; private set; }

    /// <summary>True when the event was answered at its deadline.</summary>
    public bool IsGiven { get; private set; }

    /// <summary>True when the policies have decided in time; <see cref="Action"/> and <see cref="NewValue"/> are the reply.</summary>
    public bool IsDecided { get; private set; }

    public EventAction Action { get; private set; }

    public ulong NewValue { get; private set; }

    public void Begin()
    {
        IsGiven = false;
        IsDecided = false;
    }

    /// <summary>What follows cannot change the reply any more.</summary>
    public void Decide(in EventReply reply)
    {
        Action = reply.Action;
        NewValue = reply.NewValue;
        IsDecided = true;
    }

    public void Give(Decision decision)
    {
        Decision = decision;
        IsGiven = true;
    }
}
