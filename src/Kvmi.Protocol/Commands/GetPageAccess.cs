using System.Buffers.Binary;

namespace Kvmi.Protocol.Commands;

/// <summary>GET_PAGE_ACCESS as it arrives at the hypervisor's end; the addresses stay on the wire (rfc-v5 3.6).</summary>
public readonly ref struct GetPageAccess
{
    private readonly ReadOnlySpan<byte> _gpas;

    internal GetPageAccess(ushort vcpu, ushort view, ReadOnlySpan<byte> gpas)
    {
        Vcpu = vcpu;
        View = view;
        _gpas = gpas;
    }

    /// <summary>vCPU index.</summary>
    public ushort Vcpu { get; }

    /// <summary>EPT view; kernels of this dialect know only 0.</summary>
    public ushort View { get; }

    /// <summary>How many pages are asked for.</summary>
    public int Count => _gpas.Length / 8;

    /// <summary>Guest-physical address at <paramref name="index"/>; any address in the page.</summary>
    public ulong Gpa(int index) => BinaryPrimitives.ReadUInt64LittleEndian(_gpas[(index * 8)..]);
}
