using Kvmi.Policy.Host.CommandLine;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging;
using NLog;
using NLog.Config;
using NLog.Extensions.Logging;
using NLog.Targets;
using NLog.Targets.Wrappers;
using LogLevel = Microsoft.Extensions.Logging.LogLevel;

namespace Kvmi.Policy.Host.Logging;

/// <summary>
/// The operator's log: NLog behind Microsoft.Extensions.Logging. Results go to stdout and never through here; the log goes to
/// stderr, or wherever the operator's own configuration sends it. Disposing writes out what waits.
/// </summary>
internal sealed class HostLogging : IDisposable
{
    private static readonly TimeSpan FlushPatience = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan ClosePatience = TimeSpan.FromSeconds(3);
    private readonly LogFactory _nlog;

    private HostLogging(LogFactory nlog, LogLevel least)
    {
        _nlog = nlog;

        // Not by LoggerFactory.Create: a container for one object is a third of the time that the log needs to start.
        Factory = new LoggerFactory(
            [new NLogLoggerProvider(new NLogProviderOptions { ShutdownOnDispose = false }, nlog)], new LoggerFilterOptions { MinLevel = least });
    }

    /// <summary>Makes loggers.</summary>
    public ILoggerFactory Factory { get; }

    /// <summary>Starts logging.</summary>
    /// <param name="configurationFile">The operator's NLog configuration; null takes the built-in one.</param>
    /// <param name="level">Least level; null takes warnings, or what the configuration file says.</param>
    /// <exception cref="HostEnvironmentException">The configuration file cannot be read or is wrong.</exception>
    public static HostLogging Start(string? configurationFile, LogLevel? level)
    {
        var nlog = new LogFactory { AutoShutdown = false };
        try
        {
            nlog.Configuration = configurationFile is null ? BuiltIn(nlog, level ?? LogLevel.Warning) : Read(nlog, configurationFile);
            return new HostLogging(nlog, level ?? (configurationFile is null ? LogLevel.Warning : LogLevel.Trace));
        }
        catch (Exception)
        {
            nlog.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        // On a thread of its own: where nobody empties the pipe behind stderr, closing the log waits for ever, whatever limit it is given.
        var closing = new Thread(Close) { IsBackground = true, Name = "kvmi-log-end" };
        closing.Start();
        closing.Join(ClosePatience);
    }

    private void Close()
    {
        Factory.Dispose();
        _nlog.Flush(FlushPatience);
        _nlog.Dispose();
    }

    private static LoggingConfiguration BuiltIn(LogFactory nlog, LogLevel level)
    {
        var configuration = new LoggingConfiguration(nlog);
        if (level == LogLevel.None)
        {
            return configuration;
        }

        var console = new ConsoleTarget("stderr")
        {
            StdErr = true,
            Layout = "${date:universalTime=true:format=HH\\:mm\\:ss.fff} ${level:lowercase=true} ${logger:shortName=true}: ${message}"
                + "${onexception:inner= | ${exception:format=ShortType,Message:innerFormat=ShortType,Message:maxInnerExceptionLevel=4}}",
        };

        // The writing thread is NLog's own: no thread of a VM ever waits for a terminal.
        var wrapped = new AsyncTargetWrapper("async", console)
        {
            QueueLimit = 10_000,
            OverflowAction = AsyncTargetWrapperOverflowAction.Discard,
        };
        configuration.AddTarget(wrapped);
        configuration.AddRule(ToNLog(level), NLog.LogLevel.Fatal, wrapped);
        return configuration;
    }

    private static LoggingConfiguration Read(LogFactory nlog, string file)
    {
        var path = Path.GetFullPath(file);
        if (!File.Exists(path))
        {
            throw new HostEnvironmentException($"{file}: there is no such log configuration file.");
        }

        try
        {
            if (!string.Equals(Path.GetExtension(path), ".json", StringComparison.OrdinalIgnoreCase))
            {
                return new XmlLoggingConfiguration(path, nlog);
            }

            var section = new ConfigurationBuilder().AddJsonFile(path, optional: false).Build().GetSection("NLog");
            return section.GetChildren().Any()
                ? new NLogLoggingConfiguration(section, nlog)
                : throw new HostEnvironmentException($"{file}: a JSON log configuration needs an object 'NLog' at its top.");
        }
        catch (Exception e) when (e is NLogConfigurationException or InvalidDataException or IOException or UnauthorizedAccessException or FormatException)
        {
            throw new HostEnvironmentException($"{file}: the log configuration cannot be used: {Innermost(e)}", e);
        }
    }

    private static string Innermost(Exception e) => e.InnerException is { } inner ? Innermost(inner) : e.Message;

    private static NLog.LogLevel ToNLog(LogLevel level) => level switch
    {
        LogLevel.Trace => NLog.LogLevel.Trace,
        LogLevel.Debug => NLog.LogLevel.Debug,
        LogLevel.Information => NLog.LogLevel.Info,
        LogLevel.Warning => NLog.LogLevel.Warn,
        LogLevel.Error => NLog.LogLevel.Error,
        _ => NLog.LogLevel.Fatal,
    };
}
