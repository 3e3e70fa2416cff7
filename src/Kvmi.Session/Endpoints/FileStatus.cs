namespace Kvmi.Session.Endpoints;

/// <summary>Identity and type of a file, as statx(2) tells them.</summary>
/// <param name="Mode">Type and permission bits.</param>
/// <param name="Inode">Inode number.</param>
/// <param name="Device">Device numbers, major and minor.</param>
internal readonly record struct FileStatus(ushort Mode, ulong Inode, ulong Device)
{
    private const int TypeMask = 0xF000;
    private const int SocketType = 0xC000;

    /// <summary>True for a socket.</summary>
    public bool IsSocket => (Mode & TypeMask) == SocketType;

    /// <summary>True when both are the same file, whatever happened to its mode.</summary>
    public bool IsSameFile(FileStatus other) => Inode == other.Inode && Device == other.Device;
}
