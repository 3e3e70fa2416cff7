using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Registers;

namespace Kvmi.Protocol.Dialects;

/// <summary>Data of replies that have one layout in every dialect (rfc-v5 3.3 and 3.5; kvmi-later-dialects.md 3.7).</summary>
internal static class MachineReplies
{
    public static int Write(Span<byte> destination, in CpuidReply reply)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(destination, reply.Eax);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[4..], reply.Ebx);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[8..], reply.Ecx);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[12..], reply.Edx);
        return 16;
    }

    public static int Write(Span<byte> destination, in VcpuState state, ReadOnlySpan<MsrEntry> msrs)
    {
        var length = RegistersReply.FixedLength + (msrs.Length * 16);
        var data = destination[..length];
        data.Clear();
        data[0] = state.Mode;
        MemoryMarshal.Write(data[8..], in state.Regs);
        MemoryMarshal.Write(data[152..], in state.Sregs);
        BinaryPrimitives.WriteUInt32LittleEndian(data[464..], (uint)msrs.Length);
        for (var i = 0; i < msrs.Length; i++)
        {
            var entry = data.Slice(RegistersReply.FixedLength + (i * 16), 16);
            BinaryPrimitives.WriteUInt32LittleEndian(entry, msrs[i].Index);
            BinaryPrimitives.WriteUInt64LittleEndian(entry[8..], msrs[i].Value);
        }

        return length;
    }
}
