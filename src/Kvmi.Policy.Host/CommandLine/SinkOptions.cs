using System.CommandLine;
using Kvmi.Policy.Engine.Configuration;
using Kvmi.Policy.Engine.Configuration.Site;
using Kvmi.Policy.Host.Sinks;

namespace Kvmi.Policy.Host.CommandLine;

/// <summary>--sink, and sinks of site files: where alerts go besides stdout.</summary>
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

    /// <summary>What was asked for, here and in the site files. What is wrong with those keeps the policies from loading, and is told there.</summary>
    /// <param name="parse">The command line.</param>
    /// <param name="plugins">Where sinks of plugins come from.</param>
    /// <param name="sites">Site files.</param>
    /// <exception cref="UsageException">It cannot be.</exception>
    public IReadOnlyList<SinkSpec> Read(ParseResult parse, PluginSinks plugins, IReadOnlyList<string> sites)
    {
        var site = SiteFileLoader.Load(sites, DiskPolicyFileSource.Instance, SiteSinks.FindProblem);
        var texts = site.HasErrors ? [] : site.Settings.Sinks.Select(sink => sink.Text);
        var specs = parse.GetRequiredValue(_sink).Concat(texts).Select(text => SinkSpec.Parse(text, plugins)).ToArray();
        if (specs.Where(spec => spec.Kind == SinkKind.File).GroupBy(spec => Path.GetFullPath(spec.Target)).FirstOrDefault(same => same.Count() > 1) is { } twice)
        {
            throw new UsageException($"--sink file:{twice.Key} is given twice (site files count too): two sinks would write over each other's lines.");
        }

        return specs.Length <= Most ? specs : throw new UsageException($"--sink and the site files give {specs.Length} sinks: at most {Most}.");
    }
}
