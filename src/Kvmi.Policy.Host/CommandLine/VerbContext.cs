using Kvmi.Policy.Host.Logging;
using Kvmi.Policy.Host.Output;
using Microsoft.Extensions.Logging;

namespace Kvmi.Policy.Host.CommandLine;

/// <summary>What a verb works with: its results' writer, its log and its clock.</summary>
/// <param name="Results">Writes to stdout.</param>
/// <param name="Logging">Logs to stderr.</param>
/// <param name="Time">The clock.</param>
internal sealed record VerbContext(ResultWriter Results, HostLogging Logging, TimeProvider Time)
{
    /// <summary>Makes loggers.</summary>
    public ILoggerFactory LoggerFactory => Logging.Factory;
}
