namespace Kvmi.Session.Endpoints;

/// <summary>Identity and type of a file, as statx(2) tells them.</summary>
/// <param name="Mode">Type and permission bits.</param>
/// <param name="Inode">Inode number.</param>
/// <param name="Device">Device numbers, major and minor.</param>
/// <param name="User">Owner.</param>
/// <param name="Group">Group.</param>
internal readonly record struct FileStatus(ushort Mode, ulong Inode, ulong Device, uint User, uint Group)
{
    private const int TypeMask = 0xF000;
    private const int SocketType = 0xC000;
    private const int Sticky = 0x200;
    private const int GroupWrite = 0x10;
    private const int OtherWrite = 0x2;

    /// <summary>True for a directory in which everybody may create files, but remove and rename only his own.</summary>
    public bool IsSticky => (Mode & Sticky) != 0;

    /// <summary>The permission bits as chmod takes them.</summary>
    public string ModeText => $"0{Convert.ToString(Mode & 0xFFF, 8)}";

    /// <summary>True when somebody besides root, a user and the user's own group may write.</summary>
    public bool IsWritableByOthers(uint ownGroup) =>
        (Mode & OtherWrite) != 0 || ((Mode & GroupWrite) != 0 && Group != 0 && Group != ownGroup);

    /// <summary>True for a socket.</summary>
    public bool IsSocket => (Mode & TypeMask) == SocketType;

    /// <summary>True when both are the same file, whatever happened to its mode.</summary>
    public bool IsSameFile(FileStatus other) => Inode == other.Inode && Device == other.Device;
}
