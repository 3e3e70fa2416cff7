using Kvmi.Policy.Testing.Traces;

namespace Kvmi.Policy.Host.Recording;

/// <summary>What a run shall record.</summary>
/// <param name="File">The new file.</param>
/// <param name="Keep">What to keep of guest memory.</param>
internal sealed record RecordSettings(string File, KeptContents Keep);
