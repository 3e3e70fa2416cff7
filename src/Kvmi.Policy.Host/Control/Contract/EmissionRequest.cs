namespace Kvmi.Policy.Host.Control.Contract;

/// <summary>PUT /v1/decisions/emission: whether harmless decisions are remembered too.</summary>
internal sealed record EmissionRequest(bool? All);
