namespace Kvmi.Kvm.Introspection;

/// <summary>
/// What KVM_CHECK_EXTENSION answered to one number of KVM_CAP_INTROSPECTION. The number was never reserved, so an answer other
/// than 0 proves nothing: stock kernels have given all of them but 999 to something else.
/// </summary>
/// <param name="Number">The capability's number.</param>
/// <param name="Value">The answer; 0 for "no".</param>
/// <param name="StockName">What linux/kvm.h of stock kernels calls the number; null when it has no such number.</param>
public sealed record CapabilityAnswer(int Number, int Value, string? StockName);
