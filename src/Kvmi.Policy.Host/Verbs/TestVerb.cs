using System.CommandLine;
using System.Globalization;
using Kvmi.Policy.Engine.Configuration;
using Kvmi.Policy.Engine.Containment.Metering;
using Kvmi.Policy.Engine.Scripting.Cache;
using Kvmi.Policy.Host.CommandLine;
using Kvmi.Policy.Host.Loading;
using Kvmi.Policy.Host.Output.Records;
using Kvmi.Policy.Host.Running;
using Kvmi.Policy.Testing.Policies;

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
        var verb = new Command("test", "Run the tests that are written inside policies; no VM is needed.\n\nExample:\n  kvmi-policy test policies/lstar-lock")
        {
            paths, plugins, sites, untrusted, allowWeak, json,
        };
        var security = new SecurityOptions();
        security.AddTo(verb);
        var cache = new CompileCacheOptions();
        cache.AddTo(verb);
        VerbRunner.Attach(verb, json, (parse, context) => Task.FromResult(PolicyThread.Run(
            () => Run(context, PolicyWorkshop.RequireExisting(parse.GetRequiredValue(paths)),
                DefaultDirectories.Plugins(parse.GetRequiredValue(plugins)), SiteOptions.Existing(parse.GetRequiredValue(sites)),
                security.Read(parse), parse.GetValue(untrusted), parse.GetValue(allowWeak), cache.Read(parse, context)))));
        return verb;
    }

    private static int Run(
        VerbContext context, string[] paths, IReadOnlyList<string> plugins, IReadOnlyList<string> sites, FileRules rules, bool untrusted, bool allowWeak,
        CompileCache? cache)
    {
        var results = context.Results;
        var workshop = new PolicyWorkshop(context.Time, plugins, mode: null, rules, untrusted, allowWeak, cache);
        if (workshop.OptionsOf(sites, results) is not { } options)
        {
            return ExitCode.Failure;
        }

        var set = PolicySetLoader.Load(paths, options with { AllowMissingParameters = true });
        PolicyWorkshop.Report(results, set.Findings);
        var suite = new PolicyTestSuite(workshop.Builder, workshop.Plugins, options);
        int passed = 0, failed = 0;
        foreach (var result in set.Policies.SelectMany(policy => suite.Run(policy, set.Policies)))
        {
            passed += result.Passed ? 1 : 0;
            failed += result.Passed ? 0 : 1;
            results.Write(new TestOutput
            {
                Time = results.Now,
                Policy = result.Policy,
                Test = result.Test,
                Passed = result.Passed,
                Location = result.Location,
                Failures = result.Failures,
            });
        }

        results.Write(new TotalsOutput
        {
            Time = results.Now,
            Kind = "tests",
            Counts = [new("passed", passed), new("failed", failed)],
            Text = string.Create(CultureInfo.InvariantCulture, $"{passed} passed, {failed} failed"),
        });
        return failed == 0 && !set.HasErrors ? ExitCode.Fine : ExitCode.Failure;
    }
}
