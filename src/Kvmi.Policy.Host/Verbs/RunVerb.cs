using System.CommandLine;
using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Host.CommandLine;
using Kvmi.Policy.Host.Loading;
using Kvmi.Policy.Host.Running;

namespace Kvmi.Policy.Host.Verbs;

/// <summary>run: the policy host itself.</summary>
internal static class RunVerb
{
    public static Command Create()
    {
        var source = new PeerSourceOptions();
        var policies = CommonOptions.Policies();
        var plugins = CommonOptions.Plugins();
        var sites = SiteOptions.Site();
        var mode = CommonOptions.Mode();
        var master = CommonOptions.Master();
        var untrusted = WorkerProgram.Untrusted();
        var allowWeak = WorkerProgram.AllowWeak();
        var control = new ControlOptions();
        var inject = new InjectionOptions();
        var json = CommonOptions.Json();
        var verb = new Command("run",
            "Decide about the events of introspected VMs with the policies.\n\nExamples:\n  kvmi-policy run --simulate\n  kvmi-policy run --listen unix:/run/kvmi.sock --mode audit\n"
            + "  kvmi-policy run --simulate -e 'msr[lstar] when old != 0 => keep, alert(\"lstar\")'");
        source.AddTo(verb);
        foreach (var option in new Option[] { policies, plugins, sites, mode, master, untrusted, allowWeak, json })
        {
            verb.Add(option);
        }

        control.AddTo(verb);
        inject.AddTo(verb);
        var security = new SecurityOptions();
        security.AddTo(verb);
        var memory = new MemoryOptions();
        memory.AddTo(verb);
        var cache = new CompileCacheOptions();
        cache.AddTo(verb);
        var sinks = new SinkOptions();
        sinks.AddTo(verb);
        var oneLiners = new OneLinerOptions();
        oneLiners.AddTo(verb);
        var record = new RecordOptions();
        record.AddTo(verb);
        var reload = new ReloadOptions();
        reload.AddTo(verb);
        VerbRunner.Attach(verb, json, (parse, context) =>
        {
            var pluginDirectories = DefaultDirectories.Plugins(parse.GetRequiredValue(plugins));
            var rules = security.Read(parse);
            var lines = oneLiners.Read(parse, parse.GetValue(untrusted));
            return PolicyHost.RunAsync(context, source.Read(parse) with
            {
                OneLiners = lines,
                Policies = lines.Any && parse.GetRequiredValue(policies).Length == 0 ? [] : DefaultDirectories.Policies(parse.GetRequiredValue(policies)),
                Plugins = pluginDirectories,
                Sites = SiteOptions.Existing(parse.GetRequiredValue(sites)),
                Mode = parse.GetValue(mode),
                Control = control.Read(parse),
                Master = parse.GetValue(master) ?? MasterMode.AsWritten,
                Faults = inject.Read(parse),
                FileRules = rules,
                MemoryCachePages = memory.Read(parse),
                Sinks = sinks.Read(parse, new(pluginDirectories, rules.Plugins), SiteOptions.Existing(parse.GetRequiredValue(sites))),
                Record = record.Read(parse),
                Untrusted = parse.GetValue(untrusted),
                AllowWeakWorker = parse.GetValue(allowWeak),
                CompileCache = cache.Read(parse, context),
                Reload = reload.Read(parse),
            });
        });
        return verb;
    }
}
