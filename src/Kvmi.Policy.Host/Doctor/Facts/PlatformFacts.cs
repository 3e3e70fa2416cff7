namespace Kvmi.Policy.Host.Doctor.Facts;

/// <summary>The operating system.</summary>
/// <param name="IsSupported">True for Linux on x86-64.</param>
/// <param name="Kernel">Release of the kernel.</param>
/// <param name="Description">Name for people.</param>
internal sealed record PlatformFacts(bool IsSupported, string Kernel, string Description);
