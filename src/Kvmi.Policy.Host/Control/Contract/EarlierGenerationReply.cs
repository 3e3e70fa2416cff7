namespace Kvmi.Policy.Host.Control.Contract;

/// <summary>A generation that is not live and whose code is still in memory: inUse, awaitsCollection or pinned.</summary>
internal sealed record EarlierGenerationReply(int Number, string Hold, IReadOnlyList<string> Code);
