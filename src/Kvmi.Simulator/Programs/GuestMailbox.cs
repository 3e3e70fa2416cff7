using System.Buffers.Binary;
using Kvmi.Simulator.Machine;

namespace Kvmi.Simulator.Programs;

/// <summary>Reads what the vCPUs of a model guest have recorded. Any thread, at any time.</summary>
public static class GuestMailbox
{
    /// <summary>Reads one field.</summary>
    /// <param name="machine">A machine from <see cref="GuestProgramBuilder"/>.</param>
    /// <param name="vcpu">Number of the vCPU.</param>
    /// <param name="field">The field.</param>
    public static ulong Read(IMachine machine, int vcpu, GuestField field)
    {
        ArgumentNullException.ThrowIfNull(machine);
        Span<byte> bytes = stackalloc byte[8];
        machine.TryReadPhysical(GuestLayout.MailboxGpa(vcpu) + ((ulong)field * 8), bytes);
        return BinaryPrimitives.ReadUInt64LittleEndian(bytes);
    }

    /// <summary>True once the program of a vCPU has come to its end, or the vCPU has given up.</summary>
    /// <param name="machine">A machine from <see cref="GuestProgramBuilder"/>.</param>
    /// <param name="vcpu">Number of the vCPU.</param>
    public static bool IsFinished(IMachine machine, int vcpu) =>
        Read(machine, vcpu, GuestField.Done) != 0 || Read(machine, vcpu, GuestField.Panic) != 0;
}
