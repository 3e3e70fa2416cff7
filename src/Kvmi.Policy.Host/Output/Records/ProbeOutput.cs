using Kvmi.Policy.Engine.Output;
using Kvmi.Policy.Engine.Plugins;

namespace Kvmi.Policy.Host.Output.Records;

/// <summary>A file that was looked at while plugins were searched.</summary>
internal sealed record ProbeOutput : OutputRecord
{
    public required PluginProbe Probe { get; init; }
}
