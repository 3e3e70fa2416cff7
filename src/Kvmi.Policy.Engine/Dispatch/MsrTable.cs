using System.Numerics;

namespace Kvmi.Policy.Engine.Dispatch;

/// <summary>MSR number to subscriptions: open addressing, at most half full, built once.</summary>
internal sealed class MsrTable
{
    private readonly uint[] _keys;
    private readonly DispatchEntry[]?[] _values;
    private readonly int _shift;

    public MsrTable(IReadOnlyDictionary<uint, DispatchEntry[]> entries)
    {
        var bits = Math.Max(2, BitOperations.Log2((uint)Math.Max(1, entries.Count)) + 2);
        _shift = 32 - bits;
        _keys = new uint[1 << bits];
        _values = new DispatchEntry[1 << bits][];
        foreach (var (key, value) in entries)
        {
            var slot = Slot(key);
            while (_values[slot] is not null)
            {
                slot = (slot + 1) & (_keys.Length - 1);
            }

            _keys[slot] = key;
            _values[slot] = value;
        }
    }

    /// <summary>The subscriptions of an MSR, in policy order.</summary>
    public ReadOnlySpan<DispatchEntry> Find(uint msr)
    {
        var slot = Slot(msr);
        while (_values[slot] is { } entries)
        {
            if (_keys[slot] == msr)
            {
                return entries;
            }

            slot = (slot + 1) & (_keys.Length - 1);
        }

        return default;
    }

    private int Slot(uint key) => (int)((key * 0x9E37_79B1u) >> _shift);
}
