using Microsoft.Extensions.Logging;

namespace Kvmi.Policy.Engine.Output;

internal static partial class LogMessages
{
    [LoggerMessage(EventId = 2001, Level = LogLevel.Error, Message = "The output sink failed on a {Kind} line; the line is lost, "
        + "output goes on.")]
    public static partial void SinkFailed(ILogger logger, string kind, Exception exception);
}
