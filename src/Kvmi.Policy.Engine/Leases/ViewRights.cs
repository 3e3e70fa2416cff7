namespace Kvmi.Policy.Engine.Leases;

/// <summary>An EPT view in which the page rights of all policies but one hold.</summary>
/// <param name="View">Number of the view.</param>
/// <param name="Owner">Whose view it is, and whose own rights do not hold there.</param>
internal readonly record struct ViewRights(ushort View, LeaseOwner Owner);
