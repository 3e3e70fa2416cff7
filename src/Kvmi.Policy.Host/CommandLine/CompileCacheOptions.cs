using System.CommandLine;
using Kvmi.Policy.Engine.Scripting.Cache;
using Kvmi.Policy.Host.Doctor;

namespace Kvmi.Policy.Host.CommandLine;

/// <summary>Where compiled scripts are kept between starts, for every verb that compiles them. One set of options a verb.</summary>
internal sealed class CompileCacheOptions
{
    private const string Name = "kvmi-policy";
    private const string Off = "off";

    private readonly Option<string?> _directory = new("--compile-cache")
    {
        Description = "Directory where compiled scripts are kept for the next start, or off (default: $XDG_CACHE_HOME/kvmi-policy, else "
            + "/var/cache/kvmi-policy for root and ~/.cache/kvmi-policy for others)",
        HelpName = "DIR|off",
    };

    /// <summary>Adds the options to a verb.</summary>
    public void AddTo(Command verb) => verb.Add(_directory);

    /// <summary>What the command line asks for; null when nothing is kept.</summary>
    public CompileCache? Read(ParseResult parse, VerbContext context)
    {
        var given = parse.GetValue(_directory);
        if (given == Off)
        {
            return null;
        }

        if (given?.Length == 0)
        {
            throw new UsageException("--compile-cache needs a directory, or off.");
        }

        var logger = context.LoggerFactory.CreateLogger("Kvmi.Policy.Engine");
        return new CompileCache(given ?? Default(), logger, context.Time) { IsDefault = given is null };
    }

    private static string Default()
    {
        // The XDG base directory specification: a relative path there is to be ignored.
        var cache = Environment.GetEnvironmentVariable("XDG_CACHE_HOME");
        if (Path.IsPathFullyQualified(cache ?? ""))
        {
            return Path.Combine(cache!, Name);
        }

        return HostCalls.EffectiveUser() == 0
            ? Path.Combine("/var/cache", Name)
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache", Name);
    }
}
