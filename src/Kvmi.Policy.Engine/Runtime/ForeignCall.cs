namespace Kvmi.Policy.Engine.Runtime;

/// <summary>What of a policy's code is called.</summary>
internal enum ForeignCall
{
    /// <summary>A handler, for an event.</summary>
    Handler,

    /// <summary>Constructor, top-level statements, OnAttach.</summary>
    Start,

    /// <summary>OnDetach.</summary>
    Detach,
}
