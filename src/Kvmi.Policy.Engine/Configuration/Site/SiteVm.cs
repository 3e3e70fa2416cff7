namespace Kvmi.Policy.Engine.Configuration.Site;

/// <summary>What a site says about VMs of one name.</summary>
/// <param name="Name">The name; <c>*</c> at the end matches any rest.</param>
/// <param name="Tags">Its tags.</param>
/// <param name="System">Operating system of the guest, such as linux; null when the site does not say.</param>
/// <param name="Profile">Profile of the guest; null when the site does not say.</param>
public sealed record SiteVm(string Name, IReadOnlyList<string> Tags, string? System, string? Profile);
