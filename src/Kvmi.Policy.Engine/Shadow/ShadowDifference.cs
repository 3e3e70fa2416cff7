using Kvmi.Protocol;

namespace Kvmi.Policy.Engine.Shadow;

/// <summary>An event about which the shadow decided otherwise.</summary>
/// <param name="Number">Number of the difference, from 1.</param>
/// <param name="Time">When the shadow decided.</param>
/// <param name="Vm">The VM.</param>
/// <param name="Vcpu">The vCPU.</param>
/// <param name="Event">Kind of the event.</param>
/// <param name="Rip">Where the guest was.</param>
/// <param name="Subject">What it was about: register, value or address.</param>
/// <param name="Live">How the live generation decided; that was in force.</param>
/// <param name="Shadow">How the shadow decided.</param>
/// <param name="Reason">The shadow's votes, one sentence.</param>
public sealed record ShadowDifference(
    long Number, DateTimeOffset Time, string Vm, ushort Vcpu, EventKind Event, ulong Rip, string Subject, ShadowVote Live, ShadowVote Shadow, string Reason);
