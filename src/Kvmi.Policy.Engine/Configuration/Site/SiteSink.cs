using Kvmi.Policy.Engine.Findings;

namespace Kvmi.Policy.Engine.Configuration.Site;

/// <summary>A sink of alerts that a site asks for. What its letters mean is the host's matter.</summary>
/// <param name="Text">As <c>--sink</c> of the command line takes it.</param>
/// <param name="Location">Where it stands.</param>
public sealed record SiteSink(string Text, SourceLocation Location);
