namespace Kvmi.Simulator.Machine.Model;

/// <summary>An exception on its way to the guest.</summary>
/// <param name="Vector">Vector, or the number of INT n.</param>
/// <param name="ErrorCode">Pushed when the vector has one and the exception is not of software.</param>
/// <param name="Address">New CR2 of a page fault.</param>
/// <param name="SoftwareLength">Length of the INT instruction that raised it, else 0. Such a one returns behind the instruction.</param>
internal readonly record struct GuestFault(byte Vector, uint ErrorCode = 0, ulong Address = 0, byte SoftwareLength = 0);
