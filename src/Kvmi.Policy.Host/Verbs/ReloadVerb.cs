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
            + "Example:\n  kvmi-policy reload");
        ControlVerb.Attach(verb, async (_, context, client, cancellation) =>
        {
            var reload = await client.PostAsync("v1/reload", ControlJson.Default.ReloadReply, cancellation).ConfigureAwait(false);
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
