using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Host.CommandLine;
using Kvmi.Policy.Host.Control;

namespace Kvmi.Policy.Host.Sinks;

/// <summary>A sink as it was asked for: <c>KIND[,OPTION=VALUE...]:TARGET</c>.</summary>
internal sealed class SinkSpec
{
    private const int MaxQueue = 1_000_000;
    private static readonly TimeSpan ShortestTimeout = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan LongestTimeout = TimeSpan.FromMinutes(5);

    private SinkSpec(SinkKind kind, string target, SinkOptionList options, PluginSinks? plugins)
    {
        Kind = kind;
        Target = target;
        Queue = (int)options.TakeNumber("queue", 1, MaxQueue, 4096);
        Timeout = options.TakeDuration("timeout", ShortestTimeout, LongestTimeout, TimeSpan.FromSeconds(10));
        Filter = new SinkFilter(
            new RecordFilter { Kinds = options.TakeWords("kinds", RecordFilter.AllKinds, ["alert"]), Policy = options.Take("policy"), Vm = options.Take("vm") },
            options.TakeWord("min", Enum.GetValues<PolicySeverity>(), PolicySeverity.Info));
        Open = kind switch
        {
            SinkKind.File => FileSink.Read(target, options),
            SinkKind.Syslog => SyslogSink.Read(target, options),
            SinkKind.Stream => StreamSink.Read(target, options),
            SinkKind.Plugin => PluginSinkTarget.Read(target, options).Open(plugins ?? PluginSinks.None),
            _ => WebhookSink.Read(target, options),
        };
        options.RequireEmpty();
    }

    public SinkKind Kind { get; }

    /// <summary>Where it writes.</summary>
    public string Target { get; }

    /// <summary>Kind and target, for messages, summaries and metrics. Of a URL only the host, of a plugin's sink only the class: what follows is often a secret.</summary>
    public string Name => $"{Output.Words.CamelCase(Kind.ToString())}:" + Kind switch
    {
        SinkKind.Webhook => new Uri(Target).GetLeftPart(UriPartial.Authority),
        SinkKind.Plugin => PluginSinkTarget.NameOf(Target),
        _ => Target,
    };

    /// <summary>Records that may wait.</summary>
    public int Queue { get; }

    /// <summary>How long one delivery may take.</summary>
    public TimeSpan Timeout { get; }

    public SinkFilter Filter { get; }

    /// <summary>Makes the sink. Throws <see cref="HostEnvironmentException"/> when something that it needs at once is not there.</summary>
    public Func<TimeProvider, IRecordSink> Open { get; }

    /// <summary>Reads the command line's form.</summary>
    /// <param name="text">KIND[,OPTION=VALUE...]:TARGET.</param>
    /// <param name="plugins">Where sinks of plugins come from; null: there are no plugins.</param>
    /// <exception cref="UsageException">It says nothing that can be done.</exception>
    public static SinkSpec Parse(string text, PluginSinks? plugins = null)
    {
        var colon = text.IndexOf(':', StringComparison.Ordinal);
        var head = colon < 0 ? text : text[..colon];
        var parts = head.Split(',');
        if (!Enum.TryParse<SinkKind>(parts[0], ignoreCase: true, out var kind) || !Enum.IsDefined(kind) || parts[0].Any(char.IsAsciiDigit))
        {
            throw new UsageException(
                $"--sink {text}: '{parts[0]}' is no kind of sink: give file:PATH, syslog:unix:/dev/log, stream:unix:PATH, webhook:URL or plugin:ID/CLASS, with options "
                + "after the kind, for example syslog,min=high:unix:/dev/log.");
        }

        if (colon < 0 || colon == text.Length - 1)
        {
            throw new UsageException($"--sink {text}: the target is missing after '{head}:'.");
        }

        return new SinkSpec(kind, text[(colon + 1)..], new SinkOptionList(text, parts.AsSpan(1)), plugins);
    }
}
