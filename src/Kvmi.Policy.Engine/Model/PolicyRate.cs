namespace Kvmi.Policy.Engine.Model;

/// <summary>
/// How often a policy's handlers may be called on one VM. The window is a fixed one: it begins with the first call after the one before has
/// ended, by the engine's clock.
/// </summary>
/// <param name="Limit">Calls within a window, from 1.</param>
/// <param name="Window">Length of the window: a second, a minute or an hour.</param>
/// <param name="OnExceed">What a call above the limit brings about.</param>
public sealed record PolicyRate(long Limit, TimeSpan Window, PolicyRateAction OnExceed);
