using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Kvmi.Policy.Host.CommandLine;
using Kvmi.Policy.Host.Output.Records;
using Kvmi.Policy.Host.Running;

namespace Kvmi.Policy.Host.Control;

/// <summary>What the verbs that speak to a running host share: the option of the socket, Ctrl-C, and the exit code of a refusal.</summary>
internal static class ControlVerb
{
    /// <summary>Completes a verb.</summary>
    /// <param name="verb">The verb.</param>
    /// <param name="body">What it does; returns the exit code.</param>
    public static void Attach(Command verb, Func<ParseResult, VerbContext, ControlClient, CancellationToken, Task<int>> body)
    {
        var control = ControlOptions.Client();
        var json = CommonOptions.Json();
        verb.Add(control);
        verb.Add(json);
        VerbRunner.Attach(verb, json, async (parse, context) =>
        {
            using var shutdown = new ShutdownSignal();
            using var client = new ControlClient(parse.GetValue(control));
            try
            {
                return await body(parse, context, client, shutdown.Token).ConfigureAwait(false);
            }
            catch (ControlRefusedException refused) when (refused.IsUsage)
            {
                throw new UsageException(refused.Message);
            }
            catch (ControlRefusedException refused)
            {
                await Console.Error.WriteLineAsync($"kvmi-policy: {refused.Message}").ConfigureAwait(false);
                return ExitCode.Failure;
            }
            catch (OperationCanceledException) when (shutdown.Token.IsCancellationRequested)
            {
                return ExitCode.Fine;
            }
        });
    }

    /// <summary>Writes a reply: as a JSON line of a type, or as text.</summary>
    public static void Write<T>(VerbContext context, string type, T reply, JsonTypeInfo<T> json, string text) => context.Results.Write(new ControlOutput
    {
        Time = context.Results.Now,
        Type = type,
        Reply = JsonSerializer.SerializeToElement(reply, json),
        Text = text,
    });
}
