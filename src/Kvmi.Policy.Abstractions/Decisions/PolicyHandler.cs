namespace Kvmi.Policy;

/// <summary>A policy's answer to one event: the one contract of scripts and plugins.</summary>
/// <typeparam name="TEvent">The event type that the subscription names.</typeparam>
/// <param name="e">The event.</param>
/// <returns>The vote of this policy.</returns>
public delegate Decision PolicyHandler<TEvent>(TEvent e)
    where TEvent : IGuestEvent, allows ref struct;
