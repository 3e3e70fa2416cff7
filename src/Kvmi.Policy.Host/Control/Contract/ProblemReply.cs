namespace Kvmi.Policy.Host.Control.Contract;

/// <summary>Problem details (RFC 9457).</summary>
internal sealed record ProblemReply(string Type, string Title, int Status, string Detail);
