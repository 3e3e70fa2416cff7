namespace Kvmi.Policy.Engine.Model;

/// <summary>What happens when a policy's handlers are called more often than its rate allows.</summary>
public enum PolicyRateAction
{
    /// <summary>The handlers go on deciding; their alerts and records above the limit are dropped and counted as suppressed.</summary>
    DropAlert,

    /// <summary>Above the limit one event of a hundred reaches the handlers; the policy allows the others.</summary>
    Sample,

    /// <summary>The policy's page rights are given back after the event, and it gets no others until the next reload.</summary>
    Release,

    /// <summary>The policy is taken out of service after the event, with all that it holds given back, until the next reload.</summary>
    Disarm,
}
