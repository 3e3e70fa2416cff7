using Iced.Intel;

namespace Kvmi.Simulator.Machine.Model;

/// <summary>
/// Decoded instructions of one vCPU by where their bytes are. An entry holds only while its page was not written, so patched
/// code is executed as patched; an instruction that crosses a page border is decoded each time.
/// </summary>
internal sealed class InstructionCache
{
    private const int Slots = 4096;
    private const int LongestInstruction = 15;

    private readonly Entry[] _entries = new Entry[Slots];
    private readonly ByteReader _reader = new();
    private readonly Decoder _decoder;
    private Instruction _uncached;

    /// <param name="bitness">64, or 32 for compatibility mode.</param>
    public InstructionCache(int bitness) => _decoder = Decoder.Create(bitness, _reader);

    /// <summary>Result of the last decode; valid until the next one.</summary>
    public ref readonly Instruction Uncached => ref _uncached;

    /// <summary>Finds the instruction at an offset of a page, decoding it when it is not known as it is now.</summary>
    /// <returns>The slot for <see cref="Get"/>, or -1 when its bytes reach into the next page.</returns>
    public int Find(Frame frame, int offset, ulong rip)
    {
        var slot = (int)(((uint)(frame.Gpa >> 12) * 0x9E37u) ^ (uint)offset) & (Slots - 1);
        ref var entry = ref _entries[slot];
        var version = frame.Version;
        if (ReferenceEquals(entry.Frame, frame) && entry.Offset == offset && entry.Version == version && entry.Rip == rip) return slot;

        var length = Math.Min(LongestInstruction, PhysicalMemory.PageSize - offset);
        Decode(frame.Data.AsSpan(offset, length), rip, out entry.Instruction);
        if (entry.Instruction.IsInvalid && _decoder.LastError == DecoderError.NoMoreBytes && length < LongestInstruction)
        {
            entry.Frame = null;
            return -1;
        }

        entry.Frame = frame;
        entry.Offset = offset;
        entry.Version = version;
        entry.Rip = rip;
        return slot;
    }

    public ref readonly Instruction Get(int slot) => ref _entries[slot].Instruction;

    /// <summary>Decodes bytes that the caller has put together; the result is <see cref="Uncached"/>.</summary>
    public void DecodeUncached(ReadOnlySpan<byte> bytes, ulong rip) => Decode(bytes, rip, out _uncached);

    private void Decode(ReadOnlySpan<byte> bytes, ulong rip, out Instruction instruction)
    {
        _reader.Reset(bytes);
        _decoder.IP = rip;
        _decoder.Decode(out instruction);
    }

    private struct Entry
    {
        public Frame? Frame;
        public int Offset;
        public int Version;
        public ulong Rip;
        public Instruction Instruction;
    }

    private sealed class ByteReader : CodeReader
    {
        private readonly byte[] _bytes = new byte[16];
        private int _position;
        private int _length;

        public void Reset(ReadOnlySpan<byte> bytes)
        {
            bytes.CopyTo(_bytes);
            _length = bytes.Length;
            _position = 0;
        }

        public override int ReadByte() => _position < _length ? _bytes[_position++] : -1;
    }
}
