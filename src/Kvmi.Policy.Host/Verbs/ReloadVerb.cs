using System.CommandLine;
using Kvmi.Policy.Engine.Findings;
using Kvmi.Policy.Host.CommandLine;
using Kvmi.Policy.Host.Control;
using Kvmi.Policy.Host.Control.Contract;
using Kvmi.Policy.Host.Output;
using Kvmi.Policy.Host.Output.Records;

namespace Kvmi.Policy.Host.Verbs;

/// <summary>reload: a running host loads its policies anew.</summary>
internal static class ReloadVerb
{
    public static Command Create()
    {
        var verb = new Command("reload",
            "Load the policies of a running host anew, and wait for what becomes of it. What fails leaves the policies as they were, and exits 1.\n\n"
            + "Examples:\n  kvmi-policy reload\n  kvmi-policy reload --shadow");
        var shadow = new Option<bool>("--shadow")
        {
            Description = "Let the new policies run beside the live ones, without a vote, until promote or discard",
        };
        verb.Add(shadow);
        ControlVerb.Attach(verb, async (parse, context, client, cancellation) =>
        {
            var path = parse.GetValue(shadow) ? "v1/reload?shadow=true" : "v1/reload";
            var reload = await client.PostAsync(path, ControlJson.Default.ReloadReply, cancellation).ConfigureAwait(false);
            foreach (var finding in reload.Findings)
            {
                context.Results.Write(new FindingOutput { Time = context.Results.Now, Finding = Of(finding) });
            }

            ControlVerb.Write(context, "reload", reload, ControlJson.Default.ReloadReply, TextReload.Of(reload));
            return reload.Success ? ExitCode.Fine : ExitCode.Failure;
        });
        return verb;
    }

    private static Finding Of(FindingReply finding) => new(
        new SourceLocation(finding.File, finding.Line, finding.Column),
        finding.Severity == "error" ? FindingSeverity.Error : FindingSeverity.Warning,
        finding.Code,
        finding.Message,
        finding.Hint);
}
