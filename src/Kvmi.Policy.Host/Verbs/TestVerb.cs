using System.CommandLine;
using Kvmi.Policy.Engine.Configuration;
using Kvmi.Policy.Engine.Scripting.Cache;
using Kvmi.Policy.Host.CommandLine;
using Kvmi.Policy.Host.Loading;
using Kvmi.Policy.Host.PolicyTests;
using Kvmi.Policy.Host.Running;

namespace Kvmi.Policy.Host.Verbs;

/// <summary>test: runs the tests inside policies, without a VM, through the real engine.</summary>
internal static class TestVerb
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
        var untrusted = WorkerProgram.Untrusted();
        var allowWeak = WorkerProgram.AllowWeak();
        var json = CommonOptions.Json();
        var verb = new Command("test", "Run the tests that are written inside policies; no VM is needed.\n\nExamples:\n  kvmi-policy test policies/lstar-lock\n"
            + "  kvmi-policy test policies --filter lstar --junit tests.xml --coverage --coverage-min 80")
        {
            paths, plugins, sites, untrusted, allowWeak, json,
        };
        var tests = new TestOptions();
        tests.AddTo(verb);
        var security = new SecurityOptions();
        security.AddTo(verb);
        var cache = new CompileCacheOptions();
        cache.AddTo(verb);
        VerbRunner.Attach(verb, json, (parse, context) => Task.FromResult(
            Run(context, PolicyWorkshop.RequireExisting(parse.GetRequiredValue(paths)),
                DefaultDirectories.Plugins(parse.GetRequiredValue(plugins)), SiteOptions.Existing(parse.GetRequiredValue(sites)),
                security.Read(parse), tests.Read(parse, parse.GetValue(untrusted)), parse.GetValue(untrusted), parse.GetValue(allowWeak), cache.Read(parse, context))));
        return verb;
    }

    private static int Run(
        VerbContext context, string[] paths, IReadOnlyList<string> plugins, IReadOnlyList<string> sites, FileRules rules, TestSettings settings, bool untrusted,
        bool allowWeak, CompileCache? cache)
    {
        var results = context.Results;
        var workshop = new PolicyWorkshop(context.Time, plugins, mode: null, rules, untrusted, allowWeak, cache);
        if (workshop.OptionsOf(sites, results) is not { } options)
        {
            return ExitCode.Failure;
        }

        var set = PolicySetLoader.Load(paths, options with { AllowMissingParameters = true });
        PolicyWorkshop.Report(results, set.Findings);
        return new TestRun(results, workshop, options, settings).Run(set);
    }
}
