namespace Kvmi.Policy.Host.Control.Contract;

/// <summary>An event about which the shadow decided otherwise.</summary>
internal sealed record ShadowDifferenceReply(
    long Number, DateTimeOffset At, string Vm, int Vcpu, string Event, string Subject, string Rip, ShadowVoteReply Live, ShadowVoteReply Shadow, string Reason);
