namespace Kvmi.Protocol.Captures;

/// <summary>What the bytes of a conversation say about its dialect.</summary>
/// <param name="Dialect">The dialect; null when the bytes do not settle it.</param>
/// <param name="Candidates">
/// The dialects that explain the bytes best: one when settled, several when these explain them equally well, none when no
/// dialect does.
/// </param>
/// <param name="Reason">For people: by which evidence, or what is missing.</param>
public sealed record InferredDialect(KvmiDialect? Dialect, IReadOnlyList<KvmiDialect> Candidates, string Reason);
