namespace Kvmi.Policy.Host.Control.Contract;

/// <summary>A parameter's value and where it comes from: "file" (the default) or "site".</summary>
internal sealed record ParameterReply(string Name, string Type, string Value, string Source);
