using System.CommandLine;
using Kvmi.Policy.Host.Logging;
using Kvmi.Policy.Host.Output;
using Kvmi.Session.Endpoints;
using Kvmi.Simulator;
using Microsoft.Extensions.Logging;

namespace Kvmi.Policy.Host.CommandLine;

/// <summary>Runs the body of a verb: starts the log, opens stdout, and turns failures into one line on stderr and an exit code.</summary>
internal static class VerbRunner
{
    /// <summary>Attaches a body to a verb.</summary>
    /// <param name="verb">The verb.</param>
    /// <param name="json">The verb's --json.</param>
    /// <param name="body">What it does; returns the exit code.</param>
    public static void Attach(Command verb, Option<bool> json, Func<ParseResult, VerbContext, Task<int>> body) =>
        verb.SetAction((parse, _) => RunAsync(verb.Name, parse, json, body));

    private static async Task<int> RunAsync(
        string name, ParseResult parse, Option<bool> json, Func<ParseResult, VerbContext, Task<int>> body)
    {
        HostLogging? logging = null;
        try
        {
            logging = HostLogging.Start(parse.GetValue(CommonOptions.LogConfig), parse.GetValue(CommonOptions.LogLevel));
            var logger = logging.Factory.CreateLogger("Kvmi.Policy.Host");
            LogMessages.VerbStarts(logger, name, Program.Version);
            ILineRenderer renderer = parse.GetValue(json) ? new JsonLineRenderer() : new TextLineRenderer();
            var results = new ResultWriter(
                new StandardOutput(1), renderer, TimeProvider.System, failure => OutputFails(logger, failure));
            var exitCode = await body(parse, new VerbContext(results, logging, TimeProvider.System)).ConfigureAwait(false);
            if (results.Lost is var lost and > 0)
            {
                LogMessages.OutputLost(logger, lost);
            }

            return exitCode == ExitCode.Fine && results.IsIncomplete ? ExitCode.Environment : exitCode;
        }
        catch (Exception e) when (e is UsageException or SimulatorException)
        {
            return Report(e.Message, ExitCode.Usage);
        }
        catch (Exception e) when (e is HostEnvironmentException or KvmiEndpointException or IOException or UnauthorizedAccessException)
        {
            return Report(e.Message, ExitCode.Environment);
        }
        catch (Exception e) when (logging is not null)
        {
            LogMessages.VerbFailed(logging.Factory.CreateLogger("Kvmi.Policy.Host"), e, name);
            return Report($"{e.GetType().Name}: {e.Message}", ExitCode.Failure);
        }
        finally
        {
            logging?.Dispose();
        }
    }

    private static void OutputFails(ILogger logger, IOException failure)
    {
        if (failure.HResult == StandardOutput.BrokenPipe)
        {
            LogMessages.OutputClosed(logger);
        }
        else
        {
            LogMessages.OutputFails(logger, failure.Message);
        }
    }

    private static int Report(string message, int exitCode)
    {
        Console.Error.WriteLine($"kvmi-policy: {message}");
        return exitCode;
    }
}
