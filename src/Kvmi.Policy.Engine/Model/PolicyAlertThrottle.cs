namespace Kvmi.Policy.Engine.Model;

/// <summary>How many alerts of one name a policy may raise on one VM. The window begins with the first alert after the one before has ended.</summary>
/// <param name="Limit">Alerts within a window, from 1.</param>
/// <param name="Window">Length of the window, more than 0.</param>
public sealed record PolicyAlertThrottle(long Limit, TimeSpan Window);
