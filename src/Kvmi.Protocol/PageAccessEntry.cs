namespace Kvmi.Protocol;

/// <summary>One page of a SET_PAGE_ACCESS command.</summary>
/// <param name="Gpa">Guest-physical address; the page that contains it is meant.</param>
/// <param name="Access">What stays allowed; <see cref="PageAccess.All"/> lifts the restriction.</param>
public readonly record struct PageAccessEntry(ulong Gpa, PageAccess Access);
