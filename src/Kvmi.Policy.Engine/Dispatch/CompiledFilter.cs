using Kvmi.Policy.Engine.Model;
using Kvmi.Protocol;

namespace Kvmi.Policy.Engine.Dispatch;

/// <summary>
/// A subscription's filter as plain comparisons. What the dispatch table answers already (the kind, the CR and the MSR
/// number) is checked too, because known-good cases use the same filters without the table.
/// </summary>
internal sealed class CompiledFilter
{
    private readonly int _cr;
    private readonly ValueRange[] _msrs;
    private readonly ulong _changed;
    private readonly ulong _cleared;
    private readonly ulong _set;
    private readonly ValueRange[] _new;
    private readonly ValueRange[] _old;
    private readonly PageAccess _access;
    private readonly ValueRange[] _gpa;
    private readonly ValueRange[] _gva;
    private readonly ValueRange[] _rip;
    private readonly int _cpl;
    private readonly ValueRange[] _roots;
    private readonly ValueRange[] _vcpus;
    private readonly ValueRange[] _targetVcpus;
    private readonly int _descriptor;
    private readonly int _descriptorWrite;
    private readonly int _xcr;
    private readonly ValueRange[] _vectors;
    private readonly ValueRange[] _functions;
    private readonly ValueRange[] _indexes;
    private readonly int _failed;
    private readonly bool _looksAtValues;
    private readonly bool _any;

    public CompiledFilter(EventFilter filter, IReadOnlyList<ValueRange> targetVcpus)
    {
        _cr = filter.Cr ?? -1;
        _msrs = [.. filter.Msrs];
        _changed = filter.ChangedBits ?? 0;
        _cleared = filter.ClearedBits ?? 0;
        _set = filter.SetBits ?? 0;
        _new = [.. filter.NewValues];
        _old = [.. filter.OldValues];
        _access = filter.Access ?? PageAccess.None;
        _gpa = [.. filter.Gpa];
        _gva = [.. filter.Gva];
        _rip = [.. filter.Rip];
        _cpl = filter.Cpl ?? -1;
        _roots = [.. filter.Cr3];
        _vcpus = [.. filter.Vcpus];
        _targetVcpus = [.. targetVcpus];
        _descriptor = filter.Descriptor is { } table ? (int)table : -1;
        _descriptorWrite = filter.DescriptorWrite is { } write ? (write ? 1 : 0) : -1;
        _xcr = filter.Xcr ?? -1;
        _vectors = [.. filter.Vectors];
        _functions = [.. filter.Functions];
        _indexes = [.. filter.Indexes];
        _failed = filter.Failed is { } failed ? (failed ? 1 : 0) : -1;
        _looksAtValues = filter.LooksAtValues;

        // CR and MSR numbers alone are the table's work, so most subscriptions need no check at all.
        _any = _changed == 0 && _cleared == 0 && _set == 0 && _access == PageAccess.None && _cpl < 0 && _descriptor < 0
            && _descriptorWrite < 0 && _xcr < 0 && _failed < 0
            && _vectors.Length + _functions.Length + _indexes.Length == 0
            && _new.Length + _old.Length + _gpa.Length + _gva.Length == 0
            && _rip.Length + _roots.Length + _vcpus.Length + _targetVcpus.Length == 0;
    }

    /// <summary>Does an event match that the dispatch table found under this filter's own key?</summary>
    public bool MatchesKeyed(in EventFacts facts) => _any || MatchesRest(in facts);

    /// <summary>Does any event match?</summary>
    public bool Matches(in EventFacts facts) =>
        (_cr < 0 || (facts.Kind == EventKind.Cr && facts.Number == _cr))
        && (_msrs.Length == 0 || (facts.Kind == EventKind.Msr && Contains(_msrs, facts.Number)))
        && (_any || (HasFields(in facts) && MatchesRest(in facts)));

    // A field that the kind lacks reads as 0. A range that holds 0 must not match it: the case would silence the policy for
    // events that nobody meant.
    private bool HasFields(in EventFacts facts) =>
        (_new.Length + _old.Length == 0 || facts.Kind is EventKind.Cr or EventKind.Msr or EventKind.Xsetbv)
        && (_gpa.Length == 0 || facts.Kind is EventKind.PageFault or EventKind.Breakpoint)
        && (_gva.Length == 0 || facts.Kind == EventKind.PageFault)
        && (_vectors.Length == 0 || facts.Kind == EventKind.Trap)
        && (_functions.Length + _indexes.Length == 0 || facts.Kind == EventKind.Cpuid);

    private static bool Contains(ValueRange[] ranges, ulong value)
    {
        foreach (ref readonly var range in ranges.AsSpan())
        {
            if (range.Contains(value))
            {
                return true;
            }
        }

        return false;
    }

    private static bool Misses(ValueRange[] ranges, ulong value) => ranges.Length != 0 && !Contains(ranges, value);

    private bool MatchesRest(in EventFacts facts)
    {
        if ((_changed != 0 && ((facts.Old ^ facts.New) & _changed) == 0)
            || (_cleared != 0 && (facts.Old & ~facts.New & _cleared) == 0)
            || (_set != 0 && (facts.New & ~facts.Old & _set) == 0)
            || (_access != PageAccess.None && (facts.Access & _access) == 0)
            || (_cpl >= 0 && facts.Cpl != _cpl)
            || (_looksAtValues && facts.Kind == EventKind.Xsetbv && !facts.HasXsetbvValues)
            || (_xcr >= 0 && (facts.Kind != EventKind.Xsetbv || facts.Number != _xcr))
            || (_failed >= 0 && (facts.Kind != EventKind.Singlestep || facts.Failed != (_failed == 1)))
            || (_descriptor >= 0 && (facts.Kind != EventKind.Descriptor || (int)facts.Descriptor != _descriptor))
            || (_descriptorWrite >= 0 && (facts.Kind != EventKind.Descriptor || facts.DescriptorWrite != (_descriptorWrite == 1))))
        {
            return false;
        }

        return !(Misses(_new, facts.New)
            || Misses(_old, facts.Old)
            || Misses(_gpa, facts.Gpa)
            || Misses(_gva, facts.Gva)
            || Misses(_rip, facts.Rip)
            || Misses(_roots, facts.Root)
            || Misses(_vectors, facts.Number)
            || Misses(_functions, facts.Number)
            || Misses(_indexes, facts.Detail)
            || Misses(_vcpus, facts.Vcpu)
            || Misses(_targetVcpus, facts.Vcpu));
    }
}
