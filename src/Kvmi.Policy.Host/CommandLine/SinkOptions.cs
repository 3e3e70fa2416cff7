using System.CommandLine;
using Kvmi.Policy.Host.Sinks;

namespace Kvmi.Policy.Host.CommandLine;

/// <summary>--sink: where alerts go besides stdout.</summary>
internal sealed class SinkOptions
{
    /// <summary>Sinks of a run; each has a thread.</summary>
    private const int Most = 16;

    private readonly Option<string[]> _sink = new("--sink")
    {
        Description = "Send alerts there besides: file:PATH, syslog:unix:/dev/log, syslog:tcp:127.0.0.1:PORT, stream:unix:PATH (JSON lines), webhook:URL or plugin:ID/CLASS; with "
            + "options after the kind: syslog,min=high,kinds=alert+decision:unix:/dev/log; may be given again",
        HelpName = "KIND[,OPTION=VALUE...]:TARGET",
        DefaultValueFactory = _ => [],
    };

    /// <summary>Adds the option to a verb.</summary>
    public void AddTo(Command verb) => verb.Add(_sink);

    /// <summary>What was asked for.</summary>
    /// <param name="parse">The command line.</param>
    /// <param name="plugins">Where sinks of plugins come from.</param>
    /// <exception cref="UsageException">It cannot be.</exception>
    public IReadOnlyList<SinkSpec> Read(ParseResult parse, PluginSinks plugins)
    {
        var specs = parse.GetRequiredValue(_sink).Select(text => SinkSpec.Parse(text, plugins)).ToArray();
        if (specs.Where(spec => spec.Kind == SinkKind.File).GroupBy(spec => Path.GetFullPath(spec.Target)).FirstOrDefault(same => same.Count() > 1) is { } twice)
        {
            throw new UsageException($"--sink file:{twice.Key} is given twice: two sinks would write over each other's lines.");
        }

        return specs.Length <= Most ? specs : throw new UsageException($"--sink is given {specs.Length} times: at most {Most} sinks.");
    }
}
