namespace Kvmi.Policy.Host.Control.Contract;

/// <summary>GET /v1/decisions: the latest last.</summary>
/// <param name="AllDecisions">True while harmless ones are remembered too.</param>
/// <param name="Forgotten">Decisions that were written since the start and are no longer remembered.</param>
/// <param name="Decisions">Those that match.</param>
internal sealed record DecisionsReply(bool AllDecisions, long Forgotten, IReadOnlyList<DecisionReply> Decisions);
