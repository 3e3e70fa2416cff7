namespace Kvmi.Policy.Host.Doctor.Facts;

/// <summary>What lies at a path.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Mode">The twelve permission bits.</param>
/// <param name="User">Owner.</param>
/// <param name="Size">Bytes, for a plain file.</param>
internal sealed record FileFacts(FileKind Kind, uint Mode = 0, uint User = 0, long Size = 0)
{
    private const uint Sticky = 0x200;
    private const uint GroupWrite = 0x10;
    private const uint OtherWrite = 0x2;
    private const uint GroupAndOtherAll = 0x3F;

    /// <summary>True when other users may create, remove or rename what is in this directory.</summary>
    public bool IsSharedDirectory => (Mode & (GroupWrite | OtherWrite)) != 0 && (Mode & Sticky) == 0;

    /// <summary>True when group or others have any access.</summary>
    public bool IsOpenToOthers => (Mode & GroupAndOtherAll) != 0;

    /// <summary>The permission bits as ls and chmod write them: 0755.</summary>
    public string ModeText => $"0{Convert.ToString(Mode, 8).PadLeft(3, '0')}";
}
