using Kvmi.Protocol;

namespace Kvmi.Policy;

/// <summary>
/// The page access that this policy wishes. What is in force on a page is the intersection of all policies' wishes;
/// unload, quarantine and exit give back exactly this policy's part.
/// </summary>
public interface IPageLeases
{
    /// <summary>Wishes an access for the page that contains the address; <see cref="PageAccess.All"/> gives the lease back.</summary>
    /// <returns>False when the kernel refused it; the wish is then not recorded.</returns>
    bool Set(ulong gpa, PageAccess access);

    /// <summary>Gives the lease on the page back.</summary>
    bool Release(ulong gpa);

    /// <summary>What this policy wishes for the page; <see cref="PageAccess.All"/> without a lease.</summary>
    PageAccess Get(ulong gpa);
}
