using Kvmi.Protocol;

namespace Kvmi.Policy;

/// <summary>Names for page access as policies write it.</summary>
public static class Access
{
    /// <summary>Nothing: every access raises an event.</summary>
    public const PageAccess None = PageAccess.None;

    /// <summary>r--: writing and executing raise an event.</summary>
    public const PageAccess ReadOnly = PageAccess.Read;

    /// <summary>rw-: executing raises an event.</summary>
    public const PageAccess ReadWrite = PageAccess.ReadWrite;

    /// <summary>r-x: writing raises an event.</summary>
    public const PageAccess ReadExecute = PageAccess.ReadExecute;

    /// <summary>rwx: nothing raises an event.</summary>
    public const PageAccess All = PageAccess.All;
}
