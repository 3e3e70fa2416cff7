using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using Kvmi.Session;
using Kvmi.Session.Latency;
using Kvmi.Session.Placement;

namespace Kvmi.Policy.Host.CommandLine;

/// <summary>How the VMs' threads wait, and where and at what priority they run. One set of options a verb.</summary>
internal sealed class LatencyOptions
{
    private const int DefaultPriority = 1;

    private readonly Option<LatencyMode?> _latency = new("--latency")
    {
        Description = "How a VM's thread waits for the next event: idle (default) sleeps at once; balanced looks for up to 30 us before it sleeps, while "
            + "events come that soon; low looks for up to 200 us at every wait. Looking keeps a processor busy; at most one less than there are look at a time",
        HelpName = "low|balanced|idle",
        CustomParser = result => CommonOptions.Choose<LatencyMode>(
            result, [("low", LatencyMode.Low), ("balanced", LatencyMode.Balanced), ("idle", LatencyMode.Idle)]),
    };

    private readonly Option<IReadOnlyList<int>?> _processors = new("--cpus")
    {
        Description = "Processors that the VMs' threads are bound to, as taskset writes them: 2 or 0-3,8 (default: all that the process may use)",
        HelpName = "LIST",
        CustomParser = ParseProcessors,
    };

    private readonly Option<(bool RoundRobin, int Priority)?> _realTime = new("--realtime")
    {
        Description = "Real-time priority of the VMs' threads: fifo or rr, with a priority from 1 to 98 behind a colon (default: 1); the watchdog gets the "
            + "next higher one. Needs CAP_SYS_NICE or an RLIMIT_RTPRIO. A policy that uses its whole budget keeps all else from its processor that long",
        HelpName = "fifo|rr[:PRIORITY]",
        CustomParser = ParseRealTime,
    };

    /// <summary>Adds the options to a verb.</summary>
    public void AddTo(Command verb)
    {
        verb.Add(_latency);
        verb.Add(_processors);
        verb.Add(_realTime);
    }

    /// <summary>Puts what the command line says into the options of a server.</summary>
    /// <param name="parse">The command line.</param>
    /// <exception cref="HostEnvironmentException">This machine or this user cannot have it.</exception>
    public Func<KvmiServerOptions, KvmiServerOptions> Read(ParseResult parse)
    {
        var mode = parse.GetValue(_latency) ?? LatencyMode.Idle;
        var realTime = parse.GetResult(_realTime) is null ? null : parse.GetValue(_realTime);
        var placement = new ThreadPlacement
        {
            Processors = parse.GetResult(_processors) is null ? [] : parse.GetValue(_processors) ?? [],
            RealTimePriority = realTime?.Priority ?? 0,
            RoundRobin = realTime?.RoundRobin ?? false,
        };
        try
        {
            placement.Verify();
        }
        catch (ThreadPlacementException exception)
        {
            throw new HostEnvironmentException($"{string.Join(", ", new Option[] { _processors, _realTime }.Where(option => parse.GetResult(option) is not null).Select(option => option.Name))}: {exception.Message}", exception);
        }

        return options => options with { Latency = mode, Placement = placement };
    }

    private static IReadOnlyList<int>? ParseProcessors(ArgumentResult result)
    {
        var text = result.Tokens.Count == 0 ? "" : result.Tokens[0].Value;
        if (ProcessorList.TryParse(text, out var processors))
        {
            return processors;
        }

        result.AddError($"--cpus '{text}' is no list of processors: write numbers and ranges below {ProcessorList.Limit}, such as 2 or 0-3,8.");
        return null;
    }

    private static (bool RoundRobin, int Priority)? ParseRealTime(ArgumentResult result)
    {
        var text = result.Tokens.Count == 0 ? "" : result.Tokens[0].Value;
        var colon = text.IndexOf(':', StringComparison.Ordinal);
        var name = colon < 0 ? text : text[..colon];
        var priority = DefaultPriority;
        if (name is "fifo" or "rr"
            && (colon < 0 || int.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out priority))
            && priority is >= 1 and <= ThreadPlacement.MaxRealTimePriority)
        {
            return (name == "rr", priority);
        }

        result.AddError($"--realtime '{text}' is neither fifo nor rr, with or without a priority from 1 to {ThreadPlacement.MaxRealTimePriority}: write rr or fifo:10.");
        return null;
    }
}
