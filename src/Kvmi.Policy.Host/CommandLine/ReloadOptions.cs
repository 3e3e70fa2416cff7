using System.CommandLine;
using Kvmi.Policy.Host.Running;

namespace Kvmi.Policy.Host.CommandLine;

/// <summary>How changed policies go live. One set of options a verb.</summary>
internal sealed class ReloadOptions
{
    private readonly Option<bool> _noTests = new("--no-reload-tests")
    {
        Description = "Reload changed policies without running their tests first; a failing test refuses a reload otherwise",
    };

    private readonly Option<bool> _shadow = new("--shadow")
    {
        Description = "Let changed policies run beside the live ones, without a vote, until kvmi-policy promote or discard",
    };

    /// <summary>Adds the options to a verb.</summary>
    public void AddTo(Command verb)
    {
        verb.Add(_noTests);
        verb.Add(_shadow);
    }

    /// <summary>What the command line asks for.</summary>
    public ReloadSettings Read(ParseResult parse) => new() { RunsTests = !parse.GetValue(_noTests), AsShadow = parse.GetValue(_shadow) };
}
