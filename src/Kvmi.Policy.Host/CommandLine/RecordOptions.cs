using System.CommandLine;
using Kvmi.Policy.Host.Recording;
using Kvmi.Policy.Testing.Traces;

namespace Kvmi.Policy.Host.CommandLine;

/// <summary>Options of <c>run</c> that record a trace.</summary>
internal sealed class RecordOptions
{
    private readonly Option<string?> _record = new("--record")
    {
        Description = "Record every conversation and decision into this new file, for replay and trace (trace-format.md says what is in it)",
        HelpName = "FILE",
    };

    private readonly Option<KeptContents?> _pages = new("--record-pages")
    {
        Description = "Guest memory in the recording: touched (what policies read and write, each page once; default) or none (hashes only; such a trace "
            + "replays only what reads no memory)",
        HelpName = "touched|none",
        CustomParser = result => CommonOptions.Choose<KeptContents>(result, [("touched", KeptContents.All), ("none", KeptContents.Hash)]),
    };

    /// <summary>Adds them to the verb.</summary>
    public void AddTo(Command verb)
    {
        verb.Add(_record);
        verb.Add(_pages);
    }

    /// <summary>What was asked for; null for no recording.</summary>
    /// <exception cref="UsageException">Pages without a recording.</exception>
    public RecordSettings? Read(ParseResult parse)
    {
        var pages = parse.GetValue(_pages);
        if (parse.GetValue(_record) is not { } file)
        {
            return pages is null ? null : throw new UsageException("--record-pages is about a recording, and there is none: give --record FILE too.");
        }

        return new RecordSettings(file, pages ?? KeptContents.All);
    }
}
