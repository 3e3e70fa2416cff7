using Kvmi.Policy.Engine.Findings;
using Kvmi.Policy.Engine.Output;

namespace Kvmi.Policy.Host.Output.Records;

/// <summary>One thing that is wrong with a file.</summary>
internal sealed record FindingOutput : OutputRecord
{
    public required Finding Finding { get; init; }

    /// <summary>The place, as lines for people: the text and a caret below it.</summary>
    public IReadOnlyList<string> Excerpt { get; init; } = [];
}
