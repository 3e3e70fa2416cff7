namespace Kvmi.Guest.Memory;

/// <summary>Guest-physical memory as the walker and the decoder read it. Bytes are the guest's: hostile input.</summary>
public interface IPhysicalMemory
{
    /// <summary>Fills the destination from guest-physical memory, across page borders; false when any byte cannot be read.</summary>
    bool TryRead(ulong gpa, Span<byte> destination);
}
