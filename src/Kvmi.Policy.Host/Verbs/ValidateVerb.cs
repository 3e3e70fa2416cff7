using System.CommandLine;
using System.Globalization;
using Kvmi.Policy.Engine.Configuration;
using Kvmi.Policy.Engine.Findings;
using Kvmi.Policy.Engine.Scripting.Cache;
using Kvmi.Policy.Host.CommandLine;
using Kvmi.Policy.Host.Loading;
using Kvmi.Policy.Host.Output;
using Kvmi.Policy.Host.Output.Records;
using Kvmi.Policy.Host.Running;

namespace Kvmi.Policy.Host.Verbs;

/// <summary>validate: reads policies, compiles their scripts, loads their plugins, and prints what is wrong.</summary>
internal static class ValidateVerb
{
    public static Command Create()
    {
        var paths = new Argument<string[]>("PATH")
        {
            Description = "Policy file, or directory of policies",
            Arity = ArgumentArity.OneOrMore,
        };
        var plugins = CommonOptions.Plugins();
        var sites = SiteOptions.Site();
        var parameters = new Option<bool>("--parameters") { Description = "Also list the value of every parameter, and where it comes from" };
        var json = CommonOptions.Json();
        var verb = new Command("validate",
            "Check policies with their scripts and plugins: file:line:column: error|warning CODE: message (hint).\n\nExample:\n  kvmi-policy validate policies/ --site policies/site.example.yaml --parameters")
        {
            paths, plugins, sites, parameters, json,
        };
        var security = new SecurityOptions();
        security.AddTo(verb);
        var cache = new CompileCacheOptions();
        cache.AddTo(verb);
        VerbRunner.Attach(verb, json, (parse, context) => Task.FromResult(
            Run(context, PolicyWorkshop.RequireExisting(parse.GetRequiredValue(paths)),
                DefaultDirectories.Plugins(parse.GetRequiredValue(plugins)),
                SiteOptions.Existing(parse.GetRequiredValue(sites)), security.Read(parse), parse.GetValue(parameters), cache.Read(parse, context))));
        return verb;
    }

    private static int Run(
        VerbContext context, string[] paths, IReadOnlyList<string> plugins, IReadOnlyList<string> sites, FileRules rules, bool parameters, CompileCache? cache)
    {
        var workshop = new PolicyWorkshop(context.Time, plugins, mode: null, rules, cache: cache);
        if (workshop.OptionsOf(sites, context.Results) is not { } options)
        {
            return ExitCode.Failure;
        }

        var set = PolicySetLoader.Load(paths, options with { AllowMissingParameters = true });
        var build = workshop.Builder.Build(set.Policies, workshop.Plugins, previous: null);
        build.Generation?.Release();
        List<Finding> findings = [.. set.Findings, .. build.Findings];
        PolicyWorkshop.Report(context.Results, findings);
        if (parameters)
        {
            ParameterOutput.Write(context.Results, set.Policies);
        }

        var errors = findings.Count(finding => finding.Severity == FindingSeverity.Error);
        var warnings = findings.Count - errors;
        context.Results.Write(new TotalsOutput
        {
            Time = context.Results.Now,
            Kind = "validation",
            Counts = [new("files", set.Files.Count), new("errors", errors), new("warnings", warnings)],
            Text = string.Create(
                CultureInfo.InvariantCulture,
                $"{Words.Count(set.Files.Count, "policy file")}: {Words.Count(errors, "error")}, {Words.Count(warnings, "warning")}"),
        });
        return errors == 0 ? ExitCode.Fine : ExitCode.Failure;
    }
}
