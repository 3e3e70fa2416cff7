using Kvmi.Policy.Host.CommandLine;
using Kvmi.Policy.Host.Doctor;

namespace Kvmi.Policy.Host.Control;

/// <summary>Where the control socket is when nobody says.</summary>
internal static class ControlPath
{
    /// <summary>Names the socket for the host and for the verbs alike, in place of the default.</summary>
    public const string Variable = "KVMI_POLICY_CONTROL";

    private const UnixFileMode OwnerAlone = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    /// <summary>
    /// $KVMI_POLICY_CONTROL, else /run/kvmi-policy/control.sock for root and $XDG_RUNTIME_DIR/kvmi-policy/control.sock for others; null when
    /// there is no such directory. Root's does not depend on how root logged in, so that a shell finds the socket of a service.
    /// </summary>
    public static string? Default() => Default(Environment.GetEnvironmentVariable, HostCalls.EffectiveUser());

    internal static string? Default(Func<string, string?> environment, uint user)
    {
        if (environment(Variable) is { Length: > 0 } named)
        {
            return Path.GetFullPath(named);
        }

        // The XDG base directory specification: a relative path there is to be ignored.
        var root = user == 0 ? "/run" : environment("XDG_RUNTIME_DIR");
        return Path.IsPathFullyQualified(root ?? "") ? Path.Combine(root!, "kvmi-policy", "control.sock") : null;
    }

    /// <summary>Makes the folder of the default socket; nobody else may look into it.</summary>
    /// <exception cref="HostEnvironmentException">It cannot be made, or is open to others.</exception>
    public static void PrepareFolder(string path)
    {
        var folder = Path.GetDirectoryName(path)!;
        try
        {
            if (!Directory.Exists(folder) && !OperatingSystem.IsWindows())
            {
                Directory.CreateDirectory(folder, OwnerAlone);
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new HostEnvironmentException($"{folder}: the folder of the control socket cannot be made: {exception.Message}", exception);
        }
    }
}
