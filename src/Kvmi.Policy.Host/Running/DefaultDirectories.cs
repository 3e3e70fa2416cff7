using Kvmi.Policy.Host.CommandLine;

namespace Kvmi.Policy.Host.Running;

/// <summary>Where policies and plugins are looked for when the command line does not say.</summary>
internal static class DefaultDirectories
{
    /// <summary>The given directories, else ./policies, else the policies beside the program.</summary>
    /// <exception cref="HostEnvironmentException">A given directory does not exist.</exception>
    public static IReadOnlyList<string> Policies(string[] given)
    {
        if (given.Length > 0)
        {
            return Existing(given, "policies");
        }

        return Directory.Exists("policies") ? ["policies"] : Beside("policies");
    }

    /// <summary>The given directories, else the plugins beside the program and the built ones under ./plugins.</summary>
    /// <exception cref="HostEnvironmentException">A given directory does not exist.</exception>
    public static IReadOnlyList<string> Plugins(string[] given)
    {
        if (given.Length > 0)
        {
            return Existing(given, "plugins");
        }

        // Beside the program both are the same folder. In a source tree ./plugins holds projects: only folders with assemblies in them are plugins.
        var beside = Beside("plugins");
        var built = Directory.Exists("plugins") && !beside.Contains(Path.GetFullPath("plugins"))
            ? Directory.GetDirectories("plugins").Where(directory => Directory.EnumerateFiles(directory, "*.dll").Any()).Order(StringComparer.Ordinal).ToArray()
            : [];
        return [.. beside, .. built];
    }

    private static string[] Beside(string name)
    {
        var directory = Path.Combine(AppContext.BaseDirectory, name);
        return Directory.Exists(directory) ? [directory] : [];
    }

    private static string[] Existing(string[] directories, string what)
    {
        foreach (var directory in directories)
        {
            if (!Directory.Exists(directory))
            {
                throw new HostEnvironmentException($"{directory}: there is no such directory of {what}.");
            }
        }

        return directories;
    }
}
