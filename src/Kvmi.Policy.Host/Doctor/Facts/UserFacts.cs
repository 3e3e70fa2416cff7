namespace Kvmi.Policy.Host.Doctor.Facts;

/// <summary>Who runs the command.</summary>
/// <param name="Id">Effective user id.</param>
/// <param name="Name">Name.</param>
/// <param name="Capabilities">Effective capabilities of Linux, bit by number.</param>
internal sealed record UserFacts(uint Id, string Name, ulong Capabilities)
{
    /// <summary>CAP_IPC_LOCK.</summary>
    public const int LockMemory = 14;

    /// <summary>CAP_SYS_NICE.</summary>
    public const int Nice = 23;

    /// <summary>True for root.</summary>
    public bool IsRoot => Id == 0;

    /// <summary>True when the process has the capability.</summary>
    public bool Has(int capability) => ((Capabilities >> capability) & 1) != 0;
}
