using System.Buffers.Binary;

namespace Kvmi.Protocol.Commands;

/// <summary>GET_REGISTERS as it arrives at the hypervisor's end; the MSR numbers stay on the wire.</summary>
public readonly ref struct GetRegisters
{
    private readonly ReadOnlySpan<byte> _msrs;

    internal GetRegisters(ushort vcpu, ReadOnlySpan<byte> msrs)
    {
        Vcpu = vcpu;
        _msrs = msrs;
    }

    /// <summary>vCPU index.</summary>
    public ushort Vcpu { get; }

    /// <summary>How many MSRs are asked for.</summary>
    public int MsrCount => _msrs.Length / 4;

    /// <summary>Number of the MSR at <paramref name="index"/>.</summary>
    public uint Msr(int index) => BinaryPrimitives.ReadUInt32LittleEndian(_msrs[(index * 4)..]);
}
