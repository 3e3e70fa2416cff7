using System.Runtime.InteropServices;

namespace Kvmi.Policy.Engine.Trust;

/// <summary>
/// Whether anybody but root and the user of this process can change a file or put another one in its place: the file and every directory from
/// the root to it belong to one of the two, and nobody else may write to them (a group that is neither root's nor this process's counts as
/// somebody else). A sticky directory (/tmp) may stand above, because in it nobody can rename or remove what is not his; it may not be the
/// directory that holds the file, because there everybody can add one. Immutable; any thread.
/// </summary>
public sealed partial class FileOwnership
{
    private const int MaxLinks = 40;
    private const int TypeMask = 0xF000;
    private const int DirectoryType = 0x4000;
    private const int LinkType = 0xA000;
    private const int Sticky = 0x200;
    private const int GroupWrite = 0x10;
    private const int OtherWrite = 0x2;
    private const int AnyOfOthers = 0x3F;

    private readonly uint _user;
    private readonly uint _group;

    private FileOwnership(uint user, uint group) => (_user, _group) = (user, group);

    private readonly record struct Status(ushort Mode, uint User, uint Group)
    {
        public bool IsLink => (Mode & TypeMask) == LinkType;

        public bool IsDirectory => (Mode & TypeMask) == DirectoryType;

        public bool IsSticky => (Mode & Sticky) != 0;
    }

    /// <summary>The rule for the user who runs this process.</summary>
    public static FileOwnership OfThisProcess { get; } = new(EffectiveUser(), EffectiveGroup());

    /// <summary>True when this process is root's: what it loads has all power over the machine.</summary>
    public bool IsRoot => _user == 0;

    /// <summary>Looks at a file or a directory, and at everything above it. Links are followed, and judged by their own owner too.</summary>
    /// <returns>One clause that names what is wrong and where; null when nothing is, or when there is nothing at the path.</returns>
    public string? FindFlaw(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        var parts = new Stack<string>(Split(path));
        var place = "/";
        var holder = ("/", StatusOf("/"));
        var links = 0;
        while (true)
        {
            if (StatusOf(place) is not { } status)
                return null;

            if (Check(place, status) is { } flaw)
                return flaw;

            if (status.IsLink)
            {
                if (++links > MaxLinks)
                    return $"'{path}' leads through more than {MaxLinks} links";

                var target = File.ResolveLinkTarget(place, returnFinalTarget: false)!.FullName;
                foreach (var part in Split(target))
                    parts.Push(part);

                place = "/";
                holder = ("/", StatusOf("/"));
                continue;
            }

            if (parts.Count == 0)
            {
                var (folder, above) = status.IsDirectory ? (place, status) : holder;
                return above is { } last && IsWritableByOthers(last)
                    ? $"everybody can put files into '{folder}' (mode {Text(last)})"
                    : null;
            }

            holder = (place, status);
            place = Path.Combine(place, parts.Pop());
        }
    }

    /// <summary>Looks whether a file or directory is this user's alone: his own, no link, and nobody else may read, write or enter it. What is above it is not looked at.</summary>
    /// <returns>One clause that names what is wrong; null when nothing is, or when there is nothing at the path.</returns>
    internal string? FindPrivateFlaw(string path) => StatusOf(path) switch
    {
        null => null,
        { IsLink: true } => $"'{path}' is a link",
        { User: var owner } when owner != _user => $"'{path}' belongs to user {owner} and not to user {_user}, who runs this",
        { Mode: var mode } status when (mode & AnyOfOthers) != 0 => $"others have access to '{path}' (mode {Text(status)})",
        _ => null,
    };

    private static IEnumerable<string> Split(string path) => Path.GetFullPath(path).Split('/', StringSplitOptions.RemoveEmptyEntries).Reverse();

    private static string Text(Status status) => $"0{Convert.ToString(status.Mode & 0xFFF, 8)}";

    private static Status? StatusOf(string path)
    {
        // struct statx, the same offsets on every architecture. AT_FDCWD, AT_SYMLINK_NOFOLLOW; type, mode, owner, group.
        Span<byte> buffer = stackalloc byte[256];
        buffer.Clear();
        return Statx(-100, path, 0x100, 0x1 | 0x2 | 0x8 | 0x10, buffer) == 0
            ? new(MemoryMarshal.Read<ushort>(buffer[28..]), MemoryMarshal.Read<uint>(buffer[20..]), MemoryMarshal.Read<uint>(buffer[24..]))
            : null;
    }

    private bool IsWritableByOthers(Status status) =>
        (status.Mode & OtherWrite) != 0 || ((status.Mode & GroupWrite) != 0 && status.Group != 0 && status.Group != _group);

    private string? Check(string place, Status status)
    {
        if (status.User != 0 && status.User != _user)
            return $"'{place}' belongs to user {status.User}, who can change it";

        // The mode of a link says nothing, and a sticky directory keeps everybody to his own files.
        return status.IsLink || !IsWritableByOthers(status) || (status.IsDirectory && status.IsSticky)
            ? null
            : $"'{place}' can be changed by others (mode {Text(status)}, group {status.Group})";
    }

    [LibraryImport("libc", EntryPoint = "geteuid")]
    private static partial uint EffectiveUser();

    [LibraryImport("libc", EntryPoint = "getegid")]
    private static partial uint EffectiveGroup();

    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Statx(int directory, string path, int flags, uint mask, Span<byte> buffer);
}
