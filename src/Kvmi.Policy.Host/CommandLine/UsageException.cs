namespace Kvmi.Policy.Host.CommandLine;

/// <summary>The command line asks for something that cannot be. The message is one sentence for the user: what, and what to give instead.</summary>
internal sealed class UsageException(string message) : Exception(message);
