namespace Kvmi.Policy.Host.Control.Contract;

/// <summary>Where the time of a reload went, in milliseconds.</summary>
internal sealed record ReloadTimesReply(double Settle, double Read, double Compile, double Load, double Test, double Swap);
