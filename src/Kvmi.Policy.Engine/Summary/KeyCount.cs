namespace Kvmi.Policy.Engine.Summary;

/// <summary>How often a policy saw one key.</summary>
/// <param name="Key">The key.</param>
/// <param name="Count">How often; too high by at most <paramref name="Error"/>.</param>
/// <param name="Error">0: the count is exact.</param>
/// <param name="First">When it was seen first; when <paramref name="Error"/> is not 0, since when it is counted.</param>
/// <param name="Last">When it was seen last.</param>
public readonly record struct KeyCount(ulong Key, long Count, long Error, DateTimeOffset First, DateTimeOffset Last);
