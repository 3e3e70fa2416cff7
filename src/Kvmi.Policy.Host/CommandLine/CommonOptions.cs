using System.CommandLine;
using System.CommandLine.Parsing;
using Kvmi.Policy.Engine.Model;
using Kvmi.Protocol;
using Microsoft.Extensions.Logging;

namespace Kvmi.Policy.Host.CommandLine;

/// <summary>Options that several verbs share, so that they read alike everywhere. Each call makes a new option.</summary>
internal static class CommonOptions
{
    private static readonly (string Name, KvmiDialect Dialect)[] Dialects =
        [.. Protocol.Dialects.Dialect.All.Select(dialect => (dialect.Name, dialect.Id))];

    /// <summary>The names of all dialects: "v7, v12, ...".</summary>
    public static string DialectNames { get; } = string.Join(", ", Dialects.Select(entry => entry.Name));

    /// <summary>--log-config, for every verb.</summary>
    public static Option<string?> LogConfig { get; } = new("--log-config")
    {
        Description = "NLog configuration file (.xml, .config or .json) instead of the built-in one (warnings and errors to stderr)",
        HelpName = "FILE",
        Recursive = true,
    };

    /// <summary>--log-level, for every verb.</summary>
    public static Option<LogLevel?> LogLevel { get; } = new("--log-level")
    {
        Description = "Least level that is logged to stderr: trace, debug, info, warn, error, off (default: warn)",
        HelpName = "LEVEL",
        Recursive = true,
        CustomParser = ParseLevel,
    };

    /// <summary>--json.</summary>
    public static Option<bool> Json() => new("--json") { Description = "Write JSON lines instead of text (see json-lines.md)" };

    /// <summary>--policies.</summary>
    public static Option<string[]> Policies() => new("--policies")
    {
        Description = "Directory of policies; may be given again (default: ./policies, else the policies beside the program)",
        HelpName = "DIR",
        DefaultValueFactory = _ => [],
    };

    /// <summary>--plugins.</summary>
    public static Option<string[]> Plugins() => new("--plugins")
    {
        Description = "Directory of plugins, or of one plugin; may be given again (default: the plugins beside the program)",
        HelpName = "DIR",
        DefaultValueFactory = _ => [],
    };

    /// <summary>--mode.</summary>
    public static Option<PolicyMode?> Mode() => new("--mode")
    {
        Description = "Overrides the mode of every policy: audit or enforce",
        HelpName = "audit|enforce",
        CustomParser = result => Choose<PolicyMode>(result, [("audit", PolicyMode.Audit), ("enforce", PolicyMode.Enforce)]),
    };

    /// <summary>--master.</summary>
    public static Option<MasterMode?> Master() => new("--master")
    {
        Description = "One switch over all policies: audit (none is carried out) or off (none is in service); while it runs, SIGUSR1 sets audit and SIGUSR2 "
            + "takes that back",
        HelpName = "audit|off",
        CustomParser = result => Choose<MasterMode>(result, [("audit", MasterMode.Audit), ("off", MasterMode.Off)]),
    };

    /// <summary>--state.</summary>
    public static Option<string?> State() => new("--state")
    {
        Description = "Directory of the journals that put guest memory back after a crash (default: /var/lib/kvmi-policy for root, else "
            + "$XDG_STATE_HOME/kvmi-policy)",
        HelpName = "DIR",
    };

    /// <summary>--events.</summary>
    public static Option<long?> Events() => new("--events")
    {
        Description = "End in an orderly way after this many events",
        HelpName = "N",
        Validators = { result => RequirePositive(result, "--events") },
    };

    /// <summary>--for.</summary>
    public static Option<TimeSpan?> For() => new("--for")
    {
        Description = "End in an orderly way after this time: 500ms, 10s, 5m, 1h",
        HelpName = "DURATION",
        CustomParser = DurationText.Parse,
    };

    /// <summary>--dialect; null stands for auto.</summary>
    public static Option<KvmiDialect?> Dialect(bool auto) => new("--dialect")
    {
        Description = auto
            ? $"Wire dialect: auto (default), {DialectNames}"
            : $"Wire dialect: {DialectNames} (default: {DialectName(KvmiDialect.V7)})",
        HelpName = "DIALECT",
        CustomParser = result => auto && result.Tokens is [{ Value: "auto" }] ? null : ParseDialect(result),
    };

    /// <summary>Reads the name of a dialect.</summary>
    public static KvmiDialect? ParseDialect(ArgumentResult result) => Choose<KvmiDialect>(result, Dialects);

    /// <summary>The name of a dialect; null when it is left out.</summary>
    public static Argument<KvmiDialect?> DialectArgument() => new("NAME")
    {
        Description = $"Dialect: {DialectNames} (default: all of them)",
        HelpName = "NAME",
        Arity = ArgumentArity.ZeroOrOne,
        CustomParser = result => result.Tokens.Count == 0 ? null : ParseDialect(result),
    };

    /// <summary>Name of a dialect as users write it.</summary>
    public static string DialectName(KvmiDialect dialect) => Protocol.Dialects.Dialect.NameOf(dialect);

    /// <summary>The dialect in a name like kvmi-v7-cr.hex; null when there is none.</summary>
    public static KvmiDialect? DialectInFileName(string file)
    {
        var name = Path.GetFileName(file);
        foreach (var (word, dialect) in Dialects)
        {
            if (name.StartsWith($"kvmi-{word}-", StringComparison.OrdinalIgnoreCase))
            {
                return dialect;
            }
        }

        return null;
    }

    /// <summary>Reads one word of several; another is an error that lists them.</summary>
    public static T? Choose<T>(ArgumentResult result, (string Name, T Value)[] choices)
        where T : struct
    {
        var text = result.Tokens.Count == 0 ? "" : result.Tokens[0].Value;
        foreach (var (name, value) in choices)
        {
            if (name == text)
            {
                return value;
            }
        }

        result.AddError($"'{text}' is not one of {string.Join(", ", choices.Select(choice => choice.Name))}.");
        return null;
    }

    private static LogLevel? ParseLevel(ArgumentResult result) => Choose<LogLevel>(result,
    [
        ("trace", Microsoft.Extensions.Logging.LogLevel.Trace),
        ("debug", Microsoft.Extensions.Logging.LogLevel.Debug),
        ("info", Microsoft.Extensions.Logging.LogLevel.Information),
        ("warn", Microsoft.Extensions.Logging.LogLevel.Warning),
        ("error", Microsoft.Extensions.Logging.LogLevel.Error),
        ("off", Microsoft.Extensions.Logging.LogLevel.None),
    ]);

    private static void RequirePositive(OptionResult result, string name)
    {
        if (result.Tokens is [{ Value: var text }] && long.TryParse(text, out var number) && number <= 0)
        {
            result.AddError($"{name} {text} makes no sense: give a number from 1 up, or leave it out.");
        }
    }
}
