namespace Kvmi.Protocol.Layouts;

/// <summary>Why a message, or a part of it, could not be understood.</summary>
/// <param name="Offset">Offset in the whole message, header included, of the byte that is in the way.</param>
/// <param name="Reason">What was expected and what was there.</param>
public sealed record DecodeProblem(int Offset, string Reason);
