using System.CommandLine;
using System.Globalization;
using Kvmi.Policy.Engine.Plugins;
using Kvmi.Policy.Host.CommandLine;
using Kvmi.Policy.Host.Loading;
using Kvmi.Policy.Host.Output;
using Kvmi.Policy.Host.Output.Records;
using Kvmi.Policy.Host.Running;

namespace Kvmi.Policy.Host.Verbs;

/// <summary>plugins: what is in the plugin directories, what each plugin offers and needs, and why one cannot be loaded.</summary>
internal static class PluginsVerb
{
    public static Command Create()
    {
        var directories = new Argument<string[]>("DIR")
        {
            Description = "Directory of plugins, or of one plugin (default: the plugins that run would take)",
            Arity = ArgumentArity.ZeroOrMore,
        };
        var json = CommonOptions.Json();
        var verb = new Command("plugins",
            "List plugins: versions, digest, policies with handlers, services, sinks, references, every file that was looked at, and the reason of each refusal. "
            + "Each is loaded and unloaded, none of its code is called.\n\nExample:\n  kvmi-policy plugins /etc/kvmi-policy/plugins")
        {
            directories, json,
        };
        var security = new SecurityOptions();
        security.AddTo(verb);
        VerbRunner.Attach(verb, json, (parse, context) => Task.FromResult(
            Run(context, DefaultDirectories.Plugins(parse.GetRequiredValue(directories)), security.Read(parse).Plugins)));
        return verb;
    }

    private static int Run(VerbContext context, IReadOnlyList<string> directories, PluginRules rules)
    {
        var catalog = PluginSetLoader.Discover(directories, rules);
        foreach (var probe in catalog.Probes)
        {
            context.Results.Write(new ProbeOutput { Time = context.Results.Now, Probe = probe });
        }

        var reports = PluginReporter.Report(catalog, PluginCode.Loader);
        foreach (var report in reports)
        {
            context.Results.Write(new PluginOutput { Time = context.Results.Now, Report = report });
        }

        var findings = catalog.Problems.Select(problem => problem.Finding).Concat(reports.Select(report => report.Problem).OfType<Engine.Findings.Finding>()).ToList();
        PolicyWorkshop.Report(context.Results, findings);
        context.Results.Write(new TotalsOutput
        {
            Time = context.Results.Now,
            Kind = "plugins",
            Counts = [new("plugins", reports.Count), new("problems", findings.Count)],
            Text = string.Create(
                CultureInfo.InvariantCulture,
                $"{Words.Count(reports.Count, "plugin")}, {Words.Count(findings.Count, "problem")}; looked in {(directories.Count == 0 ? "no directory" : string.Join(", ", directories))}"),
        });
        return findings.Count == 0 ? ExitCode.Fine : ExitCode.Failure;
    }
}
