using System.Runtime.InteropServices;
using Kvmi.Protocol;
using Kvmi.Session.Vm;

namespace Kvmi.Policy.Engine.Leases;

/// <summary>
/// Page access of one VM: per frame the wishes of its owners; what is in force is their intersection. The kernel hears
/// only of changes. Changing a wish on a frame that has one allocates nothing. For the VM's owner thread.
/// </summary>
internal sealed partial class PageLeases
{
    /// <summary>Restricted frames per VM at most: 4 GiB of 4 KiB pages.</summary>
    public const int MaxPages = 1 << 20;

    private const int BatchSize = 512;
    private readonly IIntrospectedVm _vm;
    private readonly Action<LeaseFault> _report;
    private readonly Dictionary<ulong, Page> _pages = [];
    private readonly PageAccessEntry[] _batch = new PageAccessEntry[BatchSize];
    private int _batched;
    private KvmiError _batchError;

    public PageLeases(IIntrospectedVm vm, Action<LeaseFault> report)
    {
        _vm = vm;
        _report = report;
    }

    /// <summary>Frames that any owner restricts.</summary>
    public int Count => _pages.Count;

    /// <summary>What is in force on the page.</summary>
    public PageAccess InForce(ulong gpa) => _pages.TryGetValue(gpa >> 12, out var page) ? page.InForce() : PageAccess.All;

    /// <summary>What the owner wishes for the page.</summary>
    public PageAccess Get(LeaseOwner owner, ulong gpa) =>
        _pages.TryGetValue(gpa >> 12, out var page) ? page.WishOf(owner) : PageAccess.All;

    /// <summary>Records a wish and brings the page to what is then in force.</summary>
    /// <returns>The kernel's error; the wish is then as it was.</returns>
    public KvmiError Set(LeaseOwner owner, ulong gpa, PageAccess access)
    {
        var gfn = gpa >> 12;
        access &= PageAccess.All;
        var before = _pages.TryGetValue(gfn, out var page) ? page.InForce() : PageAccess.All;
        var wish = page.WishOf(owner);
        if (wish == access)
        {
            return KvmiError.None;
        }

        if (wish == PageAccess.All && _pages.Count >= MaxPages && !_pages.ContainsKey(gfn))
        {
            return KvmiError.NoMemory;
        }

        Record(owner, gfn, access);
        var after = InForce(gpa);
        var error = before == after ? KvmiError.None : Send(gfn, after);
        if (error != KvmiError.None)
        {
            Record(owner, gfn, wish);
            return error;
        }

        error = SendToViews(owner, gfn);
        if (error != KvmiError.None)
        {
            // A guard that does not hold in every view is none.
            Record(owner, gfn, wish);
            Restore(gpa);
        }

        return error;
    }

    /// <summary>Restricts the frames of a range, in batches. After a fault the owner holds none of the range.</summary>
    /// <param name="owner">Who wishes it.</param>
    /// <param name="firstGfn">First frame.</param>
    /// <param name="lastGfn">Last frame.</param>
    /// <param name="access">What stays allowed.</param>
    /// <param name="replace">False: frames that the owner holds already stay as they are.</param>
    public LeaseFault? Watch(LeaseOwner owner, ulong firstGfn, ulong lastGfn, PageAccess access, bool replace = false)
    {
        if (lastGfn - firstGfn >= MaxPages || _pages.Count + (long)(lastGfn - firstGfn) + 1 > MaxPages)
        {
            return new LeaseFault($"watching the pages 0x{firstGfn << 12:x} to 0x{(lastGfn << 12) | 0xfff:x} ({lastGfn - firstGfn + 1} "
                + $"pages, at most {MaxPages} in all)", KvmiError.NoMemory);
        }

        _batchError = KvmiError.None;
        for (var gfn = firstGfn; gfn <= lastGfn; gfn++)
        {
            // A page that the owner holds already was taken over from the instance before, as it stands.
            if (!replace && Get(owner, gfn << 12) != PageAccess.All)
            {
                continue;
            }

            var before = InForce(gfn << 12);
            Record(owner, gfn, access);
            AddToBatch(gfn, before);
        }

        var error = FlushBatch();
        if (error == KvmiError.None && _views.Count > 0)
        {
            error = SendToViews(owner, Frames(firstGfn, lastGfn));
        }

        if (error == KvmiError.None)
        {
            return null;
        }

        for (var gfn = firstGfn; gfn <= lastGfn; gfn++)
        {
            // Any entry may have been applied, whatever the answer was: every page is sent again.
            Record(owner, gfn, PageAccess.All);
            _batch[_batched++] = new PageAccessEntry(gfn << 12, InForce(gfn << 12));
            FlushBatchIfFull();
        }

        FlushBatch();
        if (_views.Count > 0)
        {
            SendToViews(owner, Frames(firstGfn, lastGfn));
        }

        return new LeaseFault($"restricting pages between 0x{firstGfn << 12:x} and 0x{(lastGfn << 12) | 0xfff:x}", error);
    }

    /// <summary>Gives back all frames of an owner that <paramref name="keep"/> does not name.</summary>
    public void Release(LeaseOwner owner, Predicate<ulong>? keep = null)
    {
        if (owner.PageCount == 0)
        {
            return;
        }

        _batchError = KvmiError.None;
        var held = _pages.Where(pair => pair.Value.WishOf(owner) != PageAccess.All).Select(pair => pair.Key).Order().ToArray();
        foreach (var gfn in held)
        {
            if (keep is not null && keep(gfn))
            {
                continue;
            }

            var before = InForce(gfn << 12);
            Record(owner, gfn, PageAccess.All);
            AddToBatch(gfn, before);
        }

        var error = FlushBatch();
        if (_views.Count > 0 && SendToViews(owner, held) is var refused && error == KvmiError.None)
        {
            error = refused;
        }

        if (error != KvmiError.None)
        {
            _report(new LeaseFault($"giving back the pages of {owner.PolicyId}", error));
        }
    }

    /// <summary>Sends what is in force on the page again: for a fault that the leases do not explain.</summary>
    public void Restore(ulong gpa)
    {
        var error = Send(gpa >> 12, InForce(gpa));
        if (SendToViews(wisher: null, gpa >> 12) is var refused && error == KvmiError.None)
        {
            error = refused;
        }

        if (error != KvmiError.None)
        {
            _report(new LeaseFault($"restoring the access of page 0x{gpa & ~0xFFFUL:x}", error));
        }
    }

    /// <summary>Collects the owners whose wish forbids the access.</summary>
    /// <param name="gpa">The page.</param>
    /// <param name="access">What was tried.</param>
    /// <param name="owners">Filled from the start; grown when it is too small.</param>
    public int FindBroken(ulong gpa, PageAccess access, ref LeaseOwner[] owners)
    {
        if (!_pages.TryGetValue(gpa >> 12, out var page))
        {
            return 0;
        }

        var count = 0;
        for (var i = 0; i < page.Count; i++)
        {
            var wish = page[i];
            if ((access & ~wish.Access) == 0)
            {
                continue;
            }

            if (count == owners.Length)
            {
                Array.Resize(ref owners, count * 2);
            }

            owners[count++] = wish.Owner;
        }

        return count;
    }

    /// <summary>Does the owner's wish forbid the access?</summary>
    public bool IsBroken(LeaseOwner owner, ulong gpa, PageAccess access) => (access & ~Get(owner, gpa)) != 0;

    private void Record(LeaseOwner owner, ulong gfn, PageAccess access)
    {
        ref var page = ref CollectionsMarshal.GetValueRefOrAddDefault(_pages, gfn, out _);
        var had = page.WishOf(owner) != PageAccess.All;
        page.SetWish(owner, access);
        var has = access != PageAccess.All;
        owner.PageCount += (has ? 1 : 0) - (had ? 1 : 0);
        if (page.Count == 0)
        {
            _pages.Remove(gfn);
        }
    }

    private void AddToBatch(ulong gfn, PageAccess before)
    {
        var after = InForce(gfn << 12);
        if (before == after)
        {
            return;
        }

        _batch[_batched++] = new PageAccessEntry(gfn << 12, after);
        FlushBatchIfFull();
    }

    private void FlushBatchIfFull()
    {
        if (_batched == BatchSize)
        {
            FlushBatch();
        }
    }

    private KvmiError FlushBatch()
    {
        if (_batched > 0)
        {
            var count = _batched;
            _batched = 0;
            var error = _vm.SetPageAccess(_batch.AsSpan(0, count));
            if (_batchError == KvmiError.None)
            {
                _batchError = error;
            }
        }

        return _batchError;
    }

    private KvmiError Send(ulong gfn, PageAccess access)
    {
        var entry = new PageAccessEntry(gfn << 12, access);
        return _vm.SetPageAccess(new ReadOnlySpan<PageAccessEntry>(in entry));
    }

    private readonly record struct Wish(LeaseOwner Owner, PageAccess Access);

    private struct Page
    {
        private Wish _first;
        private Wish[]? _more;

        public int Count { get; private set; }

        public readonly Wish this[int index] => index == 0 ? _first : _more![index - 1];

        public readonly PageAccess InForce(LeaseOwner? except = null)
        {
            var access = PageAccess.All;
            for (var i = 0; i < Count; i++)
            {
                var wish = this[i];
                access &= except is not null && ReferenceEquals(wish.Owner, except) ? PageAccess.All : wish.Access;
            }

            return access;
        }

        public readonly PageAccess WishOf(LeaseOwner owner)
        {
            var index = IndexOf(owner);
            return index < 0 ? PageAccess.All : this[index].Access;
        }

        public void SetWish(LeaseOwner owner, PageAccess access)
        {
            var index = IndexOf(owner);
            if (access != PageAccess.All)
            {
                Put(index < 0 ? Count++ : index, new Wish(owner, access));
            }
            else if (index >= 0)
            {
                Count--;
                Put(index, this[Count]);
                Put(Count, default);
            }
        }

        private void Put(int index, Wish wish)
        {
            if (index == 0)
            {
                _first = wish;
                return;
            }

            if (_more is null || _more.Length < index)
            {
                Array.Resize(ref _more, Math.Max(3, index * 2));
            }

            _more[index - 1] = wish;
        }

        private readonly int IndexOf(LeaseOwner owner)
        {
            for (var i = 0; i < Count; i++)
            {
                if (ReferenceEquals(this[i].Owner, owner))
                {
                    return i;
                }
            }

            return -1;
        }
    }
}
