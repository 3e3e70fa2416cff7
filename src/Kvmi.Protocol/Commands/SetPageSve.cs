namespace Kvmi.Protocol.Commands;

/// <summary>SET_PAGE_SVE: the suppress-#VE bit of a page (v7, id 30).</summary>
/// <param name="View">EPT view.</param>
/// <param name="Suppress">Non-zero suppresses #VE for the page.</param>
/// <param name="Gpa">Guest-physical address of the page.</param>
public readonly record struct SetPageSve(ushort View, byte Suppress, ulong Gpa);
