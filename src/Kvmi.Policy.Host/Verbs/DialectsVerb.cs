using System.CommandLine;
using Kvmi.Policy.Host.Capabilities;
using Kvmi.Policy.Host.CommandLine;
using Kvmi.Policy.Host.Output.Records;
using Kvmi.Protocol;
using Kvmi.Protocol.Dialects;
using Kvmi.Protocol.Dialects.Capabilities;

namespace Kvmi.Policy.Host.Verbs;

/// <summary>dialects: what each wire dialect has, from the codecs themselves.</summary>
internal static class DialectsVerb
{
    public static Command Create()
    {
        var name = CommonOptions.DialectArgument();
        var markdown = new Option<bool>("--markdown") { Description = "Write the documentation page of all dialects" };
        var json = CommonOptions.Json();
        var verb = new Command("dialects",
            "Print the commands, events, sizes and limits of each wire dialect.\n\nExample:\n  kvmi-policy dialects v7")
        {
            name, markdown, json,
        };
        VerbRunner.Attach(verb, json, (parse, context) =>
            Task.FromResult(Run(context, parse.GetValue(name), parse.GetValue(markdown), parse.GetValue(json))));
        return verb;
    }

    private static int Run(VerbContext context, KvmiDialect? asked, bool markdown, bool json)
    {
        if (markdown)
        {
            if (json || asked is not null)
            {
                throw new UsageException("--markdown writes one page about all dialects; leave out --json and the name.");
            }

            Console.Out.Write(DialectPage.Write([.. Dialect.All.Select(DialectCapabilities.Of)]));
            return ExitCode.Fine;
        }

        var tables = Dialect.All.Where(dialect => asked is null || dialect.Id == asked).Select(DialectCapabilities.Of).ToList();
        foreach (var table in tables)
        {
            Write(context, table);
        }

        var commands = tables.Sum(table => table.Commands.Count);
        var events = tables.Sum(table => table.Events.Count);
        context.Results.Write(new TotalsOutput
        {
            Time = context.Results.Now,
            Kind = "dialects",
            Counts = [new("dialects", tables.Count), new("commands", commands), new("events", events)],
            Text = $"{tables.Count} of {Dialect.All.Count} dialects: {commands} commands, {events} events",
        });
        return ExitCode.Fine;
    }

    private static void Write(VerbContext context, DialectCapabilities table)
    {
        var whole = new DialectOutput { Time = context.Results.Now, Dialect = table };
        context.Results.Write(whole);
        foreach (var command in table.Commands)
        {
            context.Results.Write(whole with { Command = command });
        }

        foreach (var happening in table.Events)
        {
            context.Results.Write(whole with { Event = happening });
        }
    }
}
