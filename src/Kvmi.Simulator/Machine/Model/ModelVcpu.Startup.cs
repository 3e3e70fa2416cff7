using System.Buffers.Binary;
using Kvmi.Protocol.Registers;

namespace Kvmi.Simulator.Machine.Model;

/// <content>
/// The life of a hot-plugged vCPU before its first instruction: power-up state, INIT, startup IPI (Intel SDM volume 3, 9.4 and 10.1). The model has
/// no real mode, so the page that the startup vector names holds no code but what a trampoline there would end with: see <see cref="StartRecordLength"/>.
/// </content>
internal sealed partial class ModelVcpu
{
    /// <summary>Four 64-bit words at the start of the page that a startup IPI names: RIP, RSP, CR3 and RDI in 64-bit mode.</summary>
    private const int StartRecordLength = 32;

    private const ulong PowerUpRip = 0xFFF0;
    private const ulong PowerUpCr0 = 0x6000_0010;
    private const ulong PowerUpCodeBase = 0xFFFF_0000;
    private const uint PowerUpLimit = 0xFFFF;

    // A monitor and not a Lock: the vCPU's thread waits on it.
    private readonly object _startGate = new();
    private volatile bool _isInitialized;
    private bool _startReported;
    private bool _initReceived;

    public bool IsInitialized => _isInitialized;

    /// <summary>INIT: from now on a startup IPI counts. Any thread. One that runs already ignores it: vCPUs are never taken away.</summary>
    internal void ReceiveInit()
    {
        lock (_startGate) _initReceived = true;
    }

    /// <summary>
    /// Startup IPI. Any thread; without INIT before, or once started, it is ignored, as by hardware. The registers of a vCPU that is not initialised belong
    /// to nobody else, so the sender fills them.
    /// </summary>
    internal void ReceiveStartup(byte vector)
    {
        lock (_startGate)
        {
            if (!_initReceived || _isInitialized) return;

            // A page outside memory reads as zeros, which no CPU survives.
            Span<byte> record = stackalloc byte[StartRecordLength];
            record.Clear();
            _machine.Memory.TryRead((ulong)vector << PhysicalMemory.PageShift, record);
            StartInLongMode(
                BinaryPrimitives.ReadUInt64LittleEndian(record),
                BinaryPrimitives.ReadUInt64LittleEndian(record[8..]),
                BinaryPrimitives.ReadUInt64LittleEndian(record[16..]) & ControlBits.PhysicalAddressMask,
                BinaryPrimitives.ReadUInt64LittleEndian(record[24..]));
            _isInitialized = true;
            Monitor.PulseAll(_startGate);
        }
    }

    private void WakeFromWaiting()
    {
        lock (_startGate) Monitor.PulseAll(_startGate);
    }

    private VcpuExit WaitForStart()
    {
        lock (_startGate)
        {
            while (!_isInitialized)
            {
                if (_machine.IsStopped) return new VcpuExit { Kind = VcpuExitKind.Stopped };
                if (Interlocked.Exchange(ref _kicked, 0) != 0) return new VcpuExit { Kind = VcpuExitKind.Kicked };
                Monitor.Wait(_startGate);
            }
        }

        _startReported = true;
        return new VcpuExit { Kind = VcpuExitKind.Started };
    }

    /// <summary>What a CPU holds after power-up (Intel SDM volume 3, table 10-1). It is seen by tools, never executed.</summary>
    private void PowerUp()
    {
        Reset();
        _rip = PowerUpRip;
        _gpr[Rdx] = CpuidTable.Signature;
        _cr0 = PowerUpCr0;
        _cr4 = 0;
        _efer = 0;
        _cs = RealMode(0xF000, PowerUpCodeBase, 0xB);
        _ds = _es = _fs = _gs = _ss = RealMode(0, 0, 3);
        _tr = RealMode(0, 0, 0xB) with { S = 0 };
        _ldt = RealMode(0, 0, 2) with { S = 0 };
        _gdt = _idt = new KvmDtable { Limit = (ushort)PowerUpLimit };
    }

    private static KvmSegment RealMode(ushort selector, ulong address, byte type) => new()
    {
        Selector = selector,
        Base = address,
        Limit = PowerUpLimit,
        Type = type,
        Present = 1,
        S = 1,
    };
}
