namespace Kvmi.Policy.Host.Control.Contract;

/// <summary>One finding of a reload; the fields of a finding line.</summary>
internal sealed record FindingReply(string File, int Line, int Column, string Severity, string Code, string Message, string? Hint);
