namespace Kvmi.Protocol.Commands;

/// <summary>CHANGE_GFN: map a guest frame to the memory of another (v7, id 60).</summary>
/// <param name="Vcpu">vCPU index.</param>
/// <param name="View">EPT view; builds before December 2023 have no such field.</param>
/// <param name="OldGfn">The frame that changes.</param>
/// <param name="NewGfn">The frame whose memory it shows; the same number restores it.</param>
public readonly record struct ChangeGfn(ushort Vcpu, ushort View, ulong OldGfn, ulong NewGfn);
