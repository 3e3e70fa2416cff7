using System.Buffers.Binary;
using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Events;
using Kvmi.Protocol.Registers;

namespace Kvmi.Protocol.Dialects;

/// <content>The hypervisor's end: replies and events out, event replies in.</content>
public abstract partial class Dialect
{
    /// <summary>Writes a reply that is an error code alone.</summary>
    /// <param name="destination">Where to write; at least 16 bytes.</param>
    /// <param name="id">Wire id of the command, also when it is unknown.</param>
    /// <param name="sequence">Sequence number of the command.</param>
    /// <param name="error">0 or a negative number.</param>
    public int WriteReply(Span<byte> destination, ushort id, uint sequence, KvmiError error)
    {
        var payload = Begin(destination, id, sequence, ErrorLength);
        BinaryPrimitives.WriteInt32LittleEndian(payload, (int)error);
        return MessageHeader.Length + ErrorLength;
    }

    /// <summary>Writes a successful reply with data.</summary>
    public int WriteReply(Span<byte> destination, ushort id, uint sequence, ReadOnlySpan<byte> data)
    {
        var payload = Begin(destination, id, sequence, ErrorLength + data.Length);
        data.CopyTo(payload[ErrorLength..]);
        return MessageHeader.Length + payload.Length;
    }

    /// <summary>Writes the data of a GET_VERSION reply.</summary>
    public abstract int WriteData(Span<byte> destination, in VersionReply reply);

    /// <summary>Writes the data of a GET_VM_INFO reply.</summary>
    public abstract int WriteData(Span<byte> destination, in VmInfoReply reply);

    /// <summary>Writes the data of a reply that is one number in eight bytes; see <see cref="ReadNumberReply"/>.</summary>
    public abstract int WriteNumberData(Span<byte> destination, ulong value);

    /// <summary>Writes the data of a GET_CPUID reply.</summary>
    public abstract int WriteData(Span<byte> destination, in CpuidReply reply);

    /// <summary>Writes the data of a PAUSE_ALL_VCPUS reply.</summary>
    /// <exception cref="CommandNotInDialectException">The dialect does not have it.</exception>
    public virtual int WritePauseAllData(Span<byte> destination, uint vcpuCount) => throw Lacks(CommandKind.PauseAllVcpus);

    /// <summary>Writes the data of a GET_MAP_TOKEN reply.</summary>
    /// <exception cref="CommandNotInDialectException">The dialect does not have it.</exception>
    public virtual int WriteData(Span<byte> destination, in MapToken reply) => throw Lacks(CommandKind.GetMapToken);

    /// <summary>Writes the data of a QUERY_PHYSICAL reply.</summary>
    /// <exception cref="CommandNotInDialectException">The dialect does not have it.</exception>
    public virtual int WriteData(Span<byte> destination, in PhysicalExtent reply) => throw Lacks(CommandKind.QueryPhysical);

    /// <summary>Writes the data of a GET_REGISTERS reply.</summary>
    public abstract int WriteRegistersData(Span<byte> destination, in VcpuState state, ReadOnlySpan<MsrEntry> msrs);

    /// <summary>Writes an event message, header included.</summary>
    /// <param name="destination">Where to write.</param>
    /// <param name="sequence">The VM's event counter.</param>
    /// <param name="vcpu">vCPU index; 0 for VM events.</param>
    /// <param name="state">Machine state; left zero by the dialect for VM events.</param>
    /// <param name="body">What happened.</param>
    public abstract int WriteEvent(Span<byte> destination, uint sequence, ushort vcpu, in VcpuState state, in EventBody body);

    /// <summary>
    /// Reads an event reply, header included, as the dialect's kernel would: missing bytes are zero, surplus or padding
    /// that the kernel refuses gives <see cref="CommandStatus.Close"/>.
    /// </summary>
    /// <param name="message">The whole message.</param>
    /// <param name="expected">Kind of the event that waits.</param>
    /// <param name="vcpu">vCPU that the reply names.</param>
    /// <param name="eventId">Event id that the reply names; kernels do not check it.</param>
    /// <param name="reply">The answer, a view over <paramref name="message"/>.</param>
    public abstract CommandStatus ReadEventReply(
        ReadOnlySpan<byte> message, EventKind expected, out ushort vcpu, out byte eventId, out EventReply reply);
}
