namespace Kvmi.Protocol.Handshake;

/// <summary>One range of the machine's memory map in a hello of QEMU 2.11.93 (kvmi-later-dialects.md 2.2).</summary>
/// <param name="Address">First guest-physical address.</param>
/// <param name="Length">Bytes.</param>
/// <param name="Type">1 is usable RAM, 2 reserved.</param>
public readonly record struct E820Entry(ulong Address, ulong Length, uint Type);
