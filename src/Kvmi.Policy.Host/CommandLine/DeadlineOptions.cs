using System.CommandLine;
using Kvmi.Session;

namespace Kvmi.Policy.Host.CommandLine;

/// <summary>How long the policies may keep a vCPU waiting. One set of options a verb.</summary>
internal sealed class DeadlineOptions
{
    /// <summary>Below this the watchdog, which looks every millisecond, would answer for policies that are in time.</summary>
    public static readonly TimeSpan Shortest = TimeSpan.FromMilliseconds(5);

    /// <summary>A vCPU that stands still for longer makes kernels report lockups (Linux: 10 s with watchdog_thresh as it comes).</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromSeconds(5);

    private readonly Option<TimeSpan?> _event = new("--event-timeout")
    {
        Description = "How long all policies together may take for one event; then it is answered without those that are late: 5ms to 5s (default: 500ms). "
            + "A policy's own limit is budget.timeout",
        HelpName = "DURATION",
        CustomParser = DurationText.Parse,
    };

    /// <summary>Adds the options to a verb.</summary>
    public void AddTo(Command verb) => verb.Add(_event);

    /// <summary>Puts what the command line says into the options of a server.</summary>
    /// <exception cref="UsageException">The time is out of range.</exception>
    public Func<KvmiServerOptions, KvmiServerOptions> Read(ParseResult parse)
    {
        if (parse.GetValue(_event) is not { } time)
            return options => options;

        return time >= Shortest && time <= Longest
            ? options => options with { EventTimeout = time }
            : throw new UsageException(
                $"--event-timeout {parse.GetResult(_event)!.Tokens[0].Value} is out of range: give 5ms to 5s. A vCPU waits for so long, and kernels of guests report lockups after some seconds.");
    }
}
