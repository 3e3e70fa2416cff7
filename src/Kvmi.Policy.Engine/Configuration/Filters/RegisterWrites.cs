using Kvmi.Policy.Engine.Model;

namespace Kvmi.Policy.Engine.Configuration.Filters;

/// <summary>
/// The writes of a register that some filters take together: is there one at all? Looks for a bit for each <c>setBits</c>, <c>clearedBits</c>
/// and <c>changedBits</c> that fit each other and the old and new values. The search is exact; it gives up, as "there may be one", when a file
/// makes it long.
/// </summary>
internal sealed class RegisterWrites
{
    private const int MostRangesLookedAt = 1_000_000;

    private readonly List<(ulong Mask, bool MayRise, bool MayFall)> _wanted = [];
    private readonly ulong _alwaysZero;
    private IReadOnlyList<ValueRange> _old = [];
    private IReadOnlyList<ValueRange> _new = [];
    private bool _noValue;
    private int _lookedAt;

    private RegisterWrites(ulong alwaysZero) => _alwaysZero = alwaysZero;

    /// <summary>Is there a write that all filters match?</summary>
    /// <param name="alwaysZero">Bits that the register never has.</param>
    /// <param name="filters">The filters. Everything but values and bits is left aside.</param>
    /// <returns>False when there is none for certain; null when it is not known.</returns>
    public static bool? Exists(ulong alwaysZero, params ReadOnlySpan<EventFilter> filters)
    {
        var writes = new RegisterWrites(alwaysZero);
        foreach (var filter in filters)
        {
            writes.Add(filter);
        }

        if (writes._noValue)
        {
            return false;
        }

        // The kernel reports no write of the value that is there already.
        var found = writes.Search(0, 0, 0) && !writes.IsTheSameValue();
        return found ? true : writes._lookedAt > MostRangesLookedAt ? null : false;
    }

    private void Add(EventFilter filter)
    {
        _noValue |= !Narrow(ref _old, filter.OldValues) | !Narrow(ref _new, filter.NewValues);
        Want(filter.SetBits, mayRise: true, mayFall: false);
        Want(filter.ClearedBits, mayRise: false, mayFall: true);
        Want(filter.ChangedBits, mayRise: true, mayFall: true);
    }

    private static bool Narrow(ref IReadOnlyList<ValueRange> set, IReadOnlyList<ValueRange> by)
    {
        if (by.Count == 0)
        {
            return true;
        }

        set = ValueSets.Intersect(set, by);
        return set.Count > 0;
    }

    private void Want(ulong? mask, bool mayRise, bool mayFall)
    {
        if (mask is { } bits)
        {
            _wanted.Add((bits, mayRise, mayFall));
        }
    }

    // With a bit that changes they differ anyway.
    private bool IsTheSameValue() => _wanted.Count == 0 && _old is [var old] && _new is [var other] && old == other && old.First == old.Last;

    private bool Search(int next, ulong rising, ulong falling)
    {
        if (!Fits(rising, falling))
        {
            return false;
        }

        while (next < _wanted.Count && IsThere(_wanted[next], rising, falling))
        {
            next++;
        }

        if (next == _wanted.Count)
        {
            return true;
        }

        var (mask, mayRise, mayFall) = _wanted[next];
        for (var left = mask & ~(rising | falling); left != 0; left &= left - 1)
        {
            var bit = left & (~left + 1);
            if ((mayRise && Search(next + 1, rising | bit, falling)) || (mayFall && Search(next + 1, rising, falling | bit)))
            {
                return true;
            }
        }

        return false;
    }

    private static bool IsThere((ulong Mask, bool MayRise, bool MayFall) wanted, ulong rising, ulong falling) =>
        (wanted.MayRise && (wanted.Mask & rising) != 0) || (wanted.MayFall && (wanted.Mask & falling) != 0);

    private bool Fits(ulong rising, ulong falling)
    {
        _lookedAt += _old.Count + _new.Count + 1;
        var places = rising | falling | _alwaysZero;
        return _lookedAt <= MostRangesLookedAt
            && ((rising | falling) & _alwaysZero) == 0
            && ValueSets.HasBits(_old, places, falling)
            && ValueSets.HasBits(_new, places, rising);
    }
}
