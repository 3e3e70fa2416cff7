using Kvmi.Protocol;

namespace Kvmi.Simulator.Machine.Model;

/// <content>Bytes handed out to reads of frames that may not be read, for the one instruction that CompletePageAccess emulates.</content>
internal sealed partial class ModelVcpu
{
    private readonly byte[] _reads = new byte[256];
    private int _readsLength;
    private int _readsUsed;

    public int CompletePageAccess(ReadOnlySpan<byte> reads)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(reads.Length, _reads.Length);
        reads.CopyTo(_reads);
        _readsUsed = 0;
        _readsLength = reads.Length;
        CompletePageAccess(0, [], false);
        var used = _readsUsed;
        _readsUsed = _readsLength = 0;
        return used;
    }

    private ulong TakeReads(Frame? frame, int size, ulong value)
    {
        if (frame is null || (frame.EffectiveIn(_viewShift) & (byte)PageAccess.Read) != 0) return value;
        for (var index = 0; index < size && _readsUsed < _readsLength; index++)
        {
            var shift = index * 8;
            value = (value & ~(0xFFUL << shift)) | ((ulong)_reads[_readsUsed++] << shift);
        }

        return value;
    }
}
