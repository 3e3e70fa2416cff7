using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Kvmi.Protocol.Registers;

namespace Kvmi.Protocol.Commands;

/// <summary>What GET_REGISTERS answers, as a view over the reply's data (kvmi-later-dialects.md 3.7).</summary>
public readonly ref struct RegistersReply
{
    internal const int FixedLength = 472;
    private readonly ReadOnlySpan<byte> _data;

    internal RegistersReply(ReadOnlySpan<byte> data) => _data = data;

    /// <summary>Operand size of the CPU mode in bytes: 2, 4 or 8.</summary>
    public byte Mode => _data[0];

    /// <summary>General registers, in place.</summary>
    public ref readonly KvmRegs Regs => ref MemoryMarshal.AsRef<KvmRegs>(_data.Slice(8, KvmRegs.Length));

    /// <summary>Special registers, in place.</summary>
    public ref readonly KvmSregs Sregs => ref MemoryMarshal.AsRef<KvmSregs>(_data.Slice(152, KvmSregs.Length));

    /// <summary>Number of MSRs that follow.</summary>
    public int MsrCount => (_data.Length - FixedLength) / 16;

    /// <summary>The MSR at <paramref name="index"/>.</summary>
    public MsrEntry Msr(int index)
    {
        var entry = _data.Slice(FixedLength + (index * 16), 16);
        return new MsrEntry(BinaryPrimitives.ReadUInt32LittleEndian(entry), BinaryPrimitives.ReadUInt64LittleEndian(entry[8..]));
    }
}
