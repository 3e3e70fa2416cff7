using Microsoft.Extensions.Logging;

namespace Kvmi.Policy.Engine.Output;

internal static partial class LogMessages
{
    [LoggerMessage(EventId = 2001, Level = LogLevel.Error, Message = "The output sink failed on a {Kind} line; the line is lost, "
        + "output goes on.")]
    public static partial void SinkFailed(ILogger logger, string kind, Exception exception);

    [LoggerMessage(EventId = 2740, Message = "The compile cache {Directory} is not used, so scripts are compiled at every start: {Problem}. "
        + "Correct that, name another directory with --compile-cache, or switch it off (--compile-cache off).")]
    public static partial void CompileCacheUnused(ILogger logger, LogLevel level, string directory, string problem);

    [LoggerMessage(EventId = 2741, Level = LogLevel.Warning, Message = "A compiled script cannot be kept in {Directory}: {Problem}. This is said once; "
        + "scripts that are not kept are compiled again at the next start.")]
    public static partial void CompileCacheFull(ILogger logger, string directory, string problem);

    [LoggerMessage(EventId = 2742, Level = LogLevel.Debug, Message = "The kept script {Name} is not used and is compiled anew: {Problem}")]
    public static partial void CachedScriptUnusable(ILogger logger, string name, string problem);
}
