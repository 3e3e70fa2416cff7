using Kvmi.Policy.Engine.Trust;
using Kvmi.Policy.Host.CommandLine;
using Kvmi.Policy.Host.Doctor;
using Kvmi.Policy.Host.Doctor.Facts;

namespace Kvmi.Policy.Host.Running;

/// <summary>
/// Where the journals of patches are. What their files say is written into guests, so that nobody but this user may write there, and nobody
/// else may read it either: it is guest memory.
/// </summary>
internal static class StateDirectory
{
    private const string Name = "kvmi-policy";
    private const UnixFileMode OwnerAlone = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    /// <summary>The given directory, else /var/lib/kvmi-policy for root and $XDG_STATE_HOME/kvmi-policy for others.</summary>
    /// <returns>
    /// Its path. A given one exists; the default one is made with the first patch, and when that fails the policy is refused its patch.
    /// </returns>
    /// <exception cref="HostEnvironmentException">It is not safe, or a given one cannot be made.</exception>
    public static string Prepare(string? given)
    {
        var path = Path.GetFullPath(given ?? Default());
        try
        {
            if (given is not null && !Directory.Exists(path) && !OperatingSystem.IsWindows())
            {
                Directory.CreateDirectory(path, OwnerAlone);
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new HostEnvironmentException($"{path}: the state directory cannot be made: {exception.Message}");
        }

        if (FindFlaw(HostCalls.FileAt(path), HostCalls.EffectiveUser()) is { } flaw)
        {
            throw new HostEnvironmentException($"{path}: {flaw}");
        }

        // The directory alone does not say it: whoever may write above it can put another one in its place, or a link.
        if (FileOwnership.OfThisProcess.FindFlaw(path) is { } above)
        {
            throw new HostEnvironmentException($"{path}: others can replace the state directory, and what is in it is written into guests: {above}; give another one with --state.");
        }

        return path;
    }

    /// <summary>Why a directory is not safe; null when it is, or when there is none.</summary>
    internal static string? FindFlaw(FileFacts facts, uint user) => facts switch
    {
        { Kind: FileKind.Absent or FileKind.Hidden } => null,
        { Kind: not FileKind.Directory } => "the state directory is no directory; give another one with --state.",
        { User: var owner } when owner != user =>
            $"the state directory belongs to user {owner} and not to user {user}, who runs this; give another one with --state.",
        { IsOpenToOthers: true } => $"others have access to the state directory (mode {facts.ModeText}), and what is in it is written into guests; chmod 0700 it.",
        _ => null,
    };

    private static string Default()
    {
        if (HostCalls.EffectiveUser() == 0)
        {
            return Path.Combine("/var/lib", Name);
        }

        // The XDG base directory specification: a relative path there is to be ignored.
        var state = Environment.GetEnvironmentVariable("XDG_STATE_HOME");
        return Path.IsPathFullyQualified(state ?? "")
            ? Path.Combine(state!, Name)
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".local", "state", Name);
    }
}
