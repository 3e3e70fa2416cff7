using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Parsing;
using System.Reflection;
using Kvmi.Policy.Host.CommandLine;
using Kvmi.Policy.Host.Loading;
using Kvmi.Policy.Host.Verbs;

namespace Kvmi.Policy.Host;

/// <summary>The command: parses, hands over to one verb, returns its exit code.</summary>
internal static class Program
{
    /// <summary>Version of the product.</summary>
    public static string Version { get; } =
        typeof(Program).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "0.0.0";

    /// <summary>All verbs. A new verb is one file and one line here.</summary>
    public static RootCommand CreateRoot()
    {
        var root = new RootCommand("Security policies for virtual machines over KVM introspection (KVMI).\n\nExamples:\n  kvmi-policy run --simulate\n  kvmi-policy new my-policy --event msr")
        {
            CommonOptions.LogConfig,
            CommonOptions.LogLevel,
            RunVerb.Create(),
            WatchVerb.Create(),
            SimulateVerb.Create(),
            ValidateVerb.Create(),
            PluginsVerb.Create(),
            TestVerb.Create(),
            NewVerb.Create(),
            SchemaVerb.Create(),
            ReplayVerb.Create(),
            TraceVerb.Create(),
            DecodeVerb.Create(),
            DoctorVerb.Create(),
            DialectsVerb.Create(),
            StatusVerb.Create(),
            ListVerb.Create(),
            ReloadVerb.Create(),
            ShadowVerbs.CreateShadow(),
            ShadowVerbs.CreatePromote(),
            ShadowVerbs.CreateDiscard(),
            ModeVerb.Create(),
            ExplainVerb.Create(),
            TailVerb.Create(),
            WorkerVerb.Create(),
        };
        return root;
    }

    private static async Task<int> Main(string[] args)
    {
        EarlyWork.Begin(args);
        var parse = CreateRoot().Parse(args);
        if (parse.Action is not HelpAction and not null && parse.Errors.Count > 0)
        {
            foreach (var error in parse.Errors)
            {
                await Console.Error.WriteLineAsync($"kvmi-policy: {error.Message}").ConfigureAwait(false);
            }

            await Console.Error.WriteLineAsync($"Try: kvmi-policy {VerbName(parse)}--help").ConfigureAwait(false);
            return ExitCode.Usage;
        }

        // Ctrl-C and SIGTERM belong to the verbs, which end in order; the library's own handling would cut them short.
        var configuration = new InvocationConfiguration { ProcessTerminationTimeout = null, EnableDefaultExceptionHandler = false };
        return await parse.InvokeAsync(configuration).ConfigureAwait(false);
    }

    private static string VerbName(ParseResult parse) =>
        parse.CommandResult.Command is RootCommand ? ""
        : parse.CommandResult.Parent is CommandResult { Command: not RootCommand and var outer } ? $"{outer.Name} {parse.CommandResult.Command.Name} "
        : $"{parse.CommandResult.Command.Name} ";
}
