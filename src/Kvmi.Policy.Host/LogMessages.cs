using Microsoft.Extensions.Logging;

namespace Kvmi.Policy.Host;

/// <summary>Log messages of the command. Event ids 9000 to 9199 and, about operating a running host, 4100 to 4149, about recordings, 4350 to 4399 are stable.</summary>
internal static partial class LogMessages
{
    [LoggerMessage(EventId = 9001, Level = LogLevel.Information, Message = "Verb {Verb} starts, version {Version}")]
    public static partial void VerbStarts(ILogger logger, string verb, string version);

    [LoggerMessage(EventId = 9002, Level = LogLevel.Information, Message = "Orderly end asked for by {Reason}")]
    public static partial void Ending(ILogger logger, Running.RunEnd reason);

    [LoggerMessage(EventId = 9003, Level = LogLevel.Warning,
        Message = "Nobody reads stdout any more; results are no longer written, the policies stay in force")]
    public static partial void OutputClosed(ILogger logger);

    [LoggerMessage(EventId = 9004, Level = LogLevel.Error,
        Message = "Verb {Verb} failed unexpectedly; please report this with the lines below")]
    public static partial void VerbFailed(ILogger logger, Exception exception, string verb);

    [LoggerMessage(EventId = 9005, Level = LogLevel.Warning, Message = "Changes of policy files may be noticed late: {Problem}")]
    public static partial void WatchProblem(ILogger logger, string problem);

    [LoggerMessage(EventId = 4100, Level = LogLevel.Information, Message = "The run goes on without a control socket: {Problem}")]
    public static partial void NoControlSocket(ILogger logger, string problem);

    [LoggerMessage(EventId = 4101, Level = LogLevel.Warning,
        Message = "User {User} connected to the control socket and was refused; further ones are only counted")]
    public static partial void ControlPeerRefused(ILogger logger, string user);

    [LoggerMessage(EventId = 4102, Level = LogLevel.Error, Message = "The control socket does not work; the policies stay in force")]
    public static partial void ControlFailed(ILogger logger, Exception exception);

    [LoggerMessage(EventId = 4103, Level = LogLevel.Warning, Message = "SIGHUP asked for a reload, which did not come to an end")]
    public static partial void ReloadSignalFailed(ILogger logger, Exception exception);

    [LoggerMessage(EventId = 4350, Level = LogLevel.Warning,
        Message = "The recording {File} ends here, because it cannot be written ({Problem}); the policies stay in force")]
    public static partial void RecordingEnded(ILogger logger, string file, string problem);

    [LoggerMessage(EventId = 9055, Level = LogLevel.Warning, Message = "Faults are injected on purpose: {Faults}")]
    public static partial void FaultsInjected(ILogger logger, string faults);

    [LoggerMessage(EventId = 9155, Level = LogLevel.Error,
        Message = "Results cannot be written to stdout ({Problem}); lines are lost until they can, and the policies stay in force")]
    public static partial void OutputFails(ILogger logger, string problem);

    [LoggerMessage(EventId = 9156, Level = LogLevel.Warning, Message = "{Count} lines of results did not reach stdout")]
    public static partial void OutputLost(ILogger logger, long count);
}
