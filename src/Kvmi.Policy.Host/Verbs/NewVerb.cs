using System.CommandLine;
using Kvmi.Policy.Engine.Output;
using Kvmi.Policy.Host.Authoring;
using Kvmi.Policy.Host.CommandLine;

namespace Kvmi.Policy.Host.Verbs;

/// <summary>new: writes the folder of a new policy, or of a new plugin.</summary>
internal static class NewVerb
{
    public static Command Create()
    {
        var name = Name();
        var names = string.Join(", ", EventTemplate.All.Select(template => template.Event));
        var kind = new Option<EventTemplate?>("--event")
        {
            Description = $"What the policy decides about: {names} (default: msr)",
            HelpName = "EVENT",
            CustomParser = result =>
            {
                var text = result.Tokens.Count == 0 ? "" : result.Tokens[0].Value;
                var template = EventTemplate.All.FirstOrDefault(template => template.Event == text);
                if (template is null)
                {
                    result.AddError($"'{text}' is not one of {names}.");
                }

                return template;
            },
        };
        var from = new Option<string?>("--from")
        {
            Description = "A one-liner, as run -e takes it: the policy that it stands for, with the tests that can be told from it",
            HelpName = "ONE-LINER",
        };
        var into = Into();
        var json = CommonOptions.Json();
        var verb = new Command("new",
            "Write the folder of a new policy: policy.yaml with tests, a script, and what editors need. Nothing is overwritten.\n\nExamples:\n"
            + "  kvmi-policy new lstar-lock --event msr && kvmi-policy test lstar-lock\n  kvmi-policy new plugin my-plugin\n"
            + "  kvmi-policy new lstar-lock --from 'msr[lstar] when old != 0 => keep, alert(\"lstar\")'")
        {
            name, kind, from, into, json, Plugin(),
        };
        VerbRunner.Attach(verb, json, (parse, context) =>
        {
            var given = parse.GetRequiredValue(name);
            var directory = parse.GetValue(into) ?? "";
            if (parse.GetValue(from) is not { } text)
            {
                return Task.FromResult(Done(NewFolder.WritePolicy(given, parse.GetValue(kind) ?? EventTemplate.All[0], directory)));
            }

            if (parse.GetResult(kind) is not null)
            {
                throw new UsageException("--event and --from cannot both say what the policy is about: leave one out.");
            }

            return Task.FromResult(Done(NewFolder.WriteOneLiner(given, OneLinerOptions.Parse(text, "--from", untrusted: false), directory)));

            int Done(IReadOnlyList<string> files) => Report(context, given, files, $"Now: kvmi-policy test {Path.GetDirectoryName(files[0])}");
        });
        return verb;
    }

    private static Command Plugin()
    {
        var name = Name();
        var into = Into();
        var json = CommonOptions.Json();
        var verb = new Command("plugin",
            "Write the folder of a new compiled plugin: project, class, policy.yaml with tests. Nothing is overwritten.\n\nExample:\n"
            + "  kvmi-policy new plugin my-plugin && dotnet build my-plugin -c Release && kvmi-policy test my-plugin --plugins my-plugin/bin/Release/net10.0")
        {
            name, into, json,
        };
        VerbRunner.Attach(verb, json, (parse, context) =>
        {
            var given = parse.GetRequiredValue(name);
            var files = NewFolder.WritePlugin(given, parse.GetValue(into) ?? "");
            var folder = Path.GetDirectoryName(files[0]);
            return Task.FromResult(
                Report(context, given, files, $"Now: dotnet build {folder} -c Release && kvmi-policy test {folder} --plugins {folder}/bin/Release/net10.0"));
        });
        return verb;
    }

    private static Argument<string> Name() => new("NAME") { Description = "Id and folder: lower-case words joined by '-', such as lstar-lock" };

    private static Option<string?> Into() => new("--into") { Description = "Directory in which the folder is made (default: the current one)", HelpName = "DIR" };

    private static int Report(VerbContext context, string name, IReadOnlyList<string> files, string next)
    {
        foreach (var file in files)
        {
            Write(context, $"{file}", file);
        }

        Write(context, next, "");
        return ExitCode.Fine;

        void Write(VerbContext context, string message, string file) => context.Results.Write(new StatusOutput
        {
            Time = context.Results.Now,
            Policy = name,
            Status = file.Length > 0 ? "written" : "next",
            Message = message,
            Fields = file.Length > 0 ? [new OutputField("path", file)] : [],
        });
    }
}
