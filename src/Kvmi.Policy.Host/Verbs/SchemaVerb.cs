using System.CommandLine;
using Kvmi.Policy.Engine.Configuration;
using Kvmi.Policy.Engine.Configuration.Site;
using Kvmi.Policy.Host.CommandLine;
using Kvmi.Policy.Host.Output;

namespace Kvmi.Policy.Host.Verbs;

/// <summary>schema: prints the schema that policy files, or site files, are checked against.</summary>
internal static class SchemaVerb
{
    public static Command Create()
    {
        var site = new Option<bool>("--site") { Description = "The schema of site files instead of policy files" };
        var lines = new Option<bool>("--lines") { Description = "The schema of the JSON lines that the verbs write; always JSON" };
        var json = new Option<bool>("--json") { Description = "As one JSON Schema document (draft-07) instead of the same in YAML" };
        var verb = new Command("schema",
            "Print the schema that policy files are checked against; editors complete and check with it.\n\nExample:\n  kvmi-policy schema > policy-schema.yaml")
        {
            site, lines, json,
        };

        // No log and no result lines: what is printed is a file.
        verb.SetAction(parse =>
        {
            if (parse.GetValue(site) && parse.GetValue(lines))
            {
                Console.Error.WriteLine("kvmi-policy: --site and --lines exclude each other: give one of them.");
                return ExitCode.Usage;
            }

            var text = (parse.GetValue(site), parse.GetValue(json)) switch
            {
                _ when parse.GetValue(lines) => LineSchema.Text,
                (false, false) => PolicySchema.Text,
                (false, true) => PolicySchema.ToJson(),
                (true, false) => SiteSchema.Text,
                (true, true) => SiteSchema.ToJson(),
            };
            try
            {
                Console.Out.Write(text);
                Console.Out.Flush();
                return ExitCode.Fine;
            }
            catch (IOException)
            {
                // The reader of the pipe has gone, as head does: it has what it wanted.
                return ExitCode.Fine;
            }
        });
        return verb;
    }
}
