using Iced.Intel;
using Kvmi.Guest.Memory;
using Kvmi.Guest.Paging;
using Kvmi.Protocol.Registers;

namespace Kvmi.Guest.Decoding;

/// <summary>
/// Length of the instruction at RIP. Reads at most 15 bytes (the longest legal instruction) with the vCPU's page tables and
/// allocates nothing after its creation. For one thread.
/// </summary>
public sealed class InstructionLength
{
    private const int MaxLength = 15;
    private const uint CompatibilityMask = uint.MaxValue;
    private readonly IPhysicalMemory _memory;
    private readonly WindowReader _reader = new();
    private readonly Decoder _decoder16;
    private readonly Decoder _decoder32;
    private readonly Decoder _decoder64;

    /// <summary>Makes the decoders of the three modes.</summary>
    /// <param name="memory">Where the instruction bytes are read from.</param>
    public InstructionLength(IPhysicalMemory memory)
    {
        ArgumentNullException.ThrowIfNull(memory);
        _memory = memory;
        _decoder16 = Decoder.Create(16, _reader);
        _decoder32 = Decoder.Create(32, _reader);
        _decoder64 = Decoder.Create(64, _reader);
    }

    /// <summary>Finds the length.</summary>
    /// <param name="regs">General registers: RIP.</param>
    /// <param name="sregs">Page tables and CS.</param>
    /// <param name="mode">Operand size of the CPU mode in bytes, as events carry it: 2, 4 or 8.</param>
    /// <param name="length">1 to 15; 0 when it cannot be found.</param>
    /// <returns>False when the bytes cannot be read, are no instruction, or the mode is unknown.</returns>
    public bool TryFind(in KvmRegs regs, in KvmSregs sregs, byte mode, out int length)
    {
        length = 0;
        var decoder = mode switch
        {
            2 => _decoder16,
            4 => _decoder32,
            8 => _decoder64,
            _ => null,
        };
        if (decoder is null)
        {
            return false;
        }

        // Outside 64-bit mode RIP counts from the base of CS, and linear addresses have 32 bits.
        var linear = mode == 8 ? regs.Rip : (sregs.Cs.Base + regs.Rip) & CompatibilityMask;
        var read = VirtualMemory.Read(_memory, in sregs, linear, _reader.Window);
        if (read == 0)
        {
            return false;
        }

        _reader.Restart(read);
        decoder.IP = regs.Rip;
        decoder.Decode(out var instruction);
        if (instruction.IsInvalid)
        {
            return false;
        }

        length = instruction.Length;
        return true;
    }

    private sealed class WindowReader : CodeReader
    {
        private readonly byte[] _bytes = new byte[MaxLength];
        private int _position;
        private int _length;

        public Span<byte> Window => _bytes;

        public void Restart(int length)
        {
            _position = 0;
            _length = length;
        }

        public override int ReadByte() => _position < _length ? _bytes[_position++] : -1;
    }
}
