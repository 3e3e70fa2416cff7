namespace Kvmi.Session.Endpoints;

/// <summary>
/// Whether others can put a socket of their own in the place of ours. Whoever may write to the directory of a socket, or to one above it, can
/// rename what is in it; a sticky directory (/tmp) keeps each user to what is his own.
/// </summary>
internal static class SocketDirectory
{
    /// <summary>Why a socket is not safe at this path; null when it is, or when the directory does not exist.</summary>
    /// <exception cref="System.Net.Sockets.SocketException">A directory cannot be looked at.</exception>
    public static string? FindFlaw(string path)
    {
        var user = NativeMethods.EffectiveUser();
        var group = NativeMethods.EffectiveGroup();
        var given = Path.GetDirectoryName(Path.GetFullPath(path)) ?? "/";
        return FindFlaw(given, user, group) ?? FindFlaw(Real(given), user, group);
    }

    /// <summary>True when everybody may create files beside the socket.</summary>
    public static bool IsShared(string path) =>
        NativeMethods.Status(Path.GetDirectoryName(Path.GetFullPath(path)) ?? "/", followLinks: true) is { } status
        && status.IsWritableByOthers(NativeMethods.EffectiveGroup());

    private static string? FindFlaw(string directory, uint user, uint group)
    {
        for (var folder = directory; folder is not null; folder = Path.GetDirectoryName(folder))
        {
            // A directory that is not there yet has no flaw; bind says that it is missing.
            if (NativeMethods.Status(folder) is not { } entry || NativeMethods.Status(folder, followLinks: true) is not { } status)
            {
                continue;
            }

            // A link of another user's in a sticky directory leads wherever he likes tomorrow.
            foreach (var owner in (ReadOnlySpan<uint>)[entry.User, status.User])
            {
                if (owner != 0 && owner != user)
                {
                    return $"'{folder}' belongs to user {owner}, who can replace the socket. Use a directory of root's or of user {user}'s";
                }
            }

            if (status.IsWritableByOthers(group) && !status.IsSticky)
            {
                return $"others can replace the socket, because the directory '{folder}' has mode {status.ModeText} (group {status.Group}). "
                    + $"chmod go-w '{folder}', or use another one";
            }
        }

        return null;
    }

    /// <summary>The same directory without links in its path.</summary>
    private static string Real(string folder)
    {
        var resolved = "/";
        foreach (var part in folder.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            var next = Path.Combine(resolved, part);
            resolved = new DirectoryInfo(next) is { LinkTarget: not null } link && link.ResolveLinkTarget(returnFinalTarget: true) is { } target
                ? target.FullName
                : next;
        }

        return resolved;
    }
}
