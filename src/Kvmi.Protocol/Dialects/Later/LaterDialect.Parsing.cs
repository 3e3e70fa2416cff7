using System.Buffers.Binary;
using Kvmi.Protocol.Commands;

namespace Kvmi.Protocol.Dialects.Later;

/// <summary>Pieces of which the readers of commands are made.</summary>
internal abstract partial class LaterDialect
{
    /// <summary>What padding in the vCPU header leads to: −EINVAL in v11 and v12 (3.4), the end of the connection in v7 (4.1).</summary>
    protected abstract CommandStatus VcpuPaddingStatus { get; }

    protected CommandStatus ReadVcpuHeader(ReadOnlySpan<byte> payload, Span<byte> fixedPart, out ushort vcpu)
    {
        Fill(payload, fixedPart);
        vcpu = BinaryPrimitives.ReadUInt16LittleEndian(fixedPart);
        return fixedPart[2..VcpuHeader].ContainsAnyExcept((byte)0) ? VcpuPaddingStatus : CommandStatus.Ok;
    }

    protected static void Fill(ReadOnlySpan<byte> payload, Span<byte> fixedPart)
    {
        var available = Math.Min(payload.Length, fixedPart.Length);
        payload[..available].CopyTo(fixedPart);
        fixedPart[available..].Clear();
    }

    protected static CommandStatus Padding(ReadOnlySpan<byte> padding) =>
        padding.ContainsAnyExcept((byte)0) ? CommandStatus.Invalid : CommandStatus.Ok;

    protected static CommandStatus Worse(CommandStatus left, CommandStatus right) => left > right ? left : right;

    /// <summary>The entries of SET_PAGE_ACCESS behind its eight bytes; a count beyond the payload ends the connection (3.4).</summary>
    protected static CommandStatus ReadEntries(ReadOnlySpan<byte> payload, ushort count, out ReadOnlySpan<byte> entries)
    {
        var available = Math.Max(0, payload.Length - 8) / EntryLength;
        entries = count == 0 || count > available ? default : payload.Slice(8, count * EntryLength);
        return count > available ? CommandStatus.Close : CommandStatus.Ok;
    }
}
