using System.CommandLine;

namespace Kvmi.Policy.Host.CommandLine;

/// <summary>--site, for every verb that loads policies. Each call makes a new option.</summary>
internal static class SiteOptions
{
    public static Option<string[]> Site() => new("--site")
    {
        Description = "Site file: parameter values, modes and severities of policies that stay as they ship, and tags of VMs; may be given again, "
            + "a later file stands above an earlier one",
        HelpName = "FILE",
        DefaultValueFactory = _ => [],
    };

    /// <summary>The given files.</summary>
    /// <exception cref="HostEnvironmentException">One does not exist.</exception>
    public static IReadOnlyList<string> Existing(string[] files) =>
        Array.Find(files, file => !File.Exists(file)) is { } missing
            ? throw new HostEnvironmentException($"{missing}: there is no such site file.")
            : files;
}
