using Kvmi.Guest.Memory;
using Kvmi.Policy.Engine.Leases.Journal;
using Kvmi.Policy.Engine.Output;
using Kvmi.Protocol;
using Kvmi.Session.Vm;

namespace Kvmi.Policy.Engine.Leases;

/// <summary>
/// Guest memory that policies wrote, with what was there before. Giving a patch back writes the former bytes where the
/// guest still holds ours; where a later patch of another policy covers a byte, that patch inherits the former byte
/// instead. With a journal nothing is written to the guest that the journal does not hold. For the VM's owner thread.
/// </summary>
internal sealed class MemoryPatches
{
    /// <summary>Bytes that all policies together may have patched on one VM.</summary>
    public const int MaxBytes = 1 << 20;

    /// <summary>Patches on one VM.</summary>
    public const int MaxPatches = 4096;

    // What a status line shows of bytes that the guest changed.
    private const int MaxShown = 64;

    private readonly IIntrospectedVm _vm;
    private readonly Action<LeaseFault> _report;
    private readonly PatchStack _patches = new();
    private uint _lastId;

    public MemoryPatches(IIntrospectedVm vm, Action<LeaseFault> report)
    {
        _vm = vm;
        _report = report;
    }

    /// <summary>Where patches are remembered beyond this process; null when nowhere.</summary>
    public PatchJournal? Journal { get; set; }

    /// <summary>What policies have read, and must not find there after a write; null where they read nothing.</summary>
    public PageCache? Cache { get; init; }

    public int Count => _patches.Count;

    /// <summary>Writes and remembers. On an error nothing new is remembered, and what may have been written is put back.</summary>
    public KvmiError Write(LeaseOwner owner, ulong gpa, ReadOnlySpan<byte> source)
    {
        if (source.IsEmpty)
        {
            return KvmiError.None;
        }

        if (gpa > ulong.MaxValue - (ulong)(source.Length - 1))
        {
            return KvmiError.InvalidArgument;
        }

        if (_patches.FindLatest(gpa, source.Length) is { } same
            && ReferenceEquals(same.Owner, owner) && same.Gpa == gpa && same.Length == source.Length)
        {
            return Rewrite(same, source);
        }

        if (_patches.Count >= MaxPatches || _patches.Bytes + source.Length > MaxBytes)
        {
            return KvmiError.NoMemory;
        }

        var former = new byte[source.Length];
        var error = _vm.ReadPhysical(gpa, former);
        if (error != KvmiError.None)
        {
            return error;
        }

        var patch = new MemoryPatch(++_lastId, owner, gpa, former, source.ToArray());
        if (Journal is { } journal && !journal.TryAdd(patch))
        {
            return Refuse(owner, gpa, journal);
        }

        // From here on the journal has it, so that it has to be on the stack whatever happens: a lost connection throws.
        _patches.Add(patch);
        owner.PatchCount++;
        error = WriteGuest(gpa, source);
        if (error != KvmiError.None)
        {
            // Earlier pages of the range may hold the new bytes already.
            GiveBack(_patches.Count - 1);
        }

        return error;
    }

    /// <summary>Gives back all patches of an owner, the latest first. Errors are reported, the rest goes on.</summary>
    /// <returns>How many bytes were put back.</returns>
    public int Release(LeaseOwner owner)
    {
        var bytes = 0;
        for (var i = _patches.Count - 1; i >= 0; i--)
        {
            if (ReferenceEquals(_patches[i].Owner, owner))
            {
                bytes += GiveBack(i);
            }
        }

        return bytes;
    }

    /// <summary>Gives back all patches, the latest first.</summary>
    /// <returns>How many bytes were put back.</returns>
    public int ReleaseAll()
    {
        var bytes = 0;
        for (var i = _patches.Count - 1; i >= 0; i--)
        {
            bytes += GiveBack(i);
        }

        return bytes;
    }

    /// <summary>Gives back the patch of an owner at exactly this address; without effect when there is none.</summary>
    public void Release(LeaseOwner owner, ulong gpa)
    {
        for (var i = _patches.Count - 1; i >= 0; i--)
        {
            if (ReferenceEquals(_patches[i].Owner, owner) && _patches[i].Gpa == gpa)
            {
                GiveBack(i);
                return;
            }
        }
    }

    /// <summary>Takes over what an earlier connection or process left in the guest, to be given back with its owner.</summary>
    public void Adopt(PatchStack left)
    {
        for (var i = 0; i < left.Count; i++)
        {
            _patches.Add(left[i]);
            left[i].Owner.PatchCount++;
            _lastId = Math.Max(_lastId, left[i].Id);
        }
    }

    private KvmiError Rewrite(MemoryPatch patch, ReadOnlySpan<byte> source)
    {
        if (Journal is { } journal && !journal.TryRewrite(patch, source))
        {
            return Refuse(patch.Owner, patch.Gpa, journal);
        }

        patch.Rewrite(source);
        return WriteGuest(patch.Gpa, source);
    }

    private KvmiError WriteGuest(ulong gpa, ReadOnlySpan<byte> source)
    {
        // Whatever comes of it: earlier pages may be written when a later one fails.
        Cache?.Forget(gpa, source.Length);
        return _vm.WritePhysical(gpa, source);
    }

    private KvmiError Refuse(LeaseOwner owner, ulong gpa, PatchJournal journal)
    {
        if (!owner.RefusalTold)
        {
            owner.RefusalTold = true;
            _report(new LeaseFault(
                $"{owner.PolicyId} wants to write guest memory at 0x{gpa:x} and is refused, because the journal that would put the bytes "
                + $"back after a crash cannot be written: {journal.Problem}. Make room or correct the rights of the state directory; "
                + "further refusals of this policy are not told",
                KvmiError.None)
            {
                Status = "patch-refused",
                Policy = owner.PolicyId,
                Fields = [new OutputField("gpa", gpa)],
            });
        }

        return KvmiError.NoMemory;
    }

    private int GiveBack(int index)
    {
        var inherited = new bool[_patches[index].Length];
        var patch = _patches.TakeOut(index, inherited);
        patch.Owner.PatchCount--;
        var bytes = PutBack(patch, inherited);
        if (bytes >= 0)
        {
            Journal?.Remove(patch);
        }

        return Math.Max(bytes, 0);
    }

    /// <summary>Writes the former bytes where the guest holds ours; the others are no longer this patch's.</summary>
    /// <returns>Bytes written; −1 when the kernel refused.</returns>
    private int PutBack(MemoryPatch patch, ReadOnlySpan<bool> inherited)
    {
        var current = new byte[patch.Length];
        var error = _vm.ReadPhysical(patch.Gpa, current);
        if (error != KvmiError.None)
        {
            _report(new LeaseFault($"reading back the patch of {patch.Owner.PolicyId} at 0x{patch.Gpa:x}", error) { Policy = patch.Owner.PolicyId });
            return -1;
        }

        ReportForeign(patch, current, inherited);
        var written = 0;
        for (var k = 0; k < current.Length; k++)
        {
            var first = k;
            while (k < current.Length && !inherited[k] && current[k] != patch.Former[k] && patch.IsOwn(k, current[k]))
            {
                k++;
            }

            if (k == first)
            {
                continue;
            }

            // Only our own bytes: what lies between may be changed by the guest at this very moment.
            error = WriteGuest(patch.Gpa + (ulong)first, patch.Former.AsSpan(first, k - first));
            if (error != KvmiError.None)
            {
                _report(new LeaseFault($"putting back the bytes that {patch.Owner.PolicyId} patched at 0x{patch.Gpa:x}", error)
                {
                    Policy = patch.Owner.PolicyId,
                });
                return -1;
            }

            written += k - first;
        }

        return written;
    }

    private void ReportForeign(MemoryPatch patch, ReadOnlySpan<byte> current, ReadOnlySpan<bool> inherited)
    {
        var changed = 0;
        for (var k = 0; k < current.Length; k++)
        {
            changed += inherited[k] || current[k] == patch.Former[k] || patch.IsOwn(k, current[k]) ? 0 : 1;
        }

        if (changed == 0)
        {
            return;
        }

        var shown = Math.Min(current.Length, MaxShown);
        _report(new LeaseFault(
            $"{changed} of {current.Length} bytes that {patch.Owner.PolicyId} patched at 0x{patch.Gpa:x} were changed by the guest since "
            + "and stay as they are",
            KvmiError.None)
        {
            Policy = patch.Owner.PolicyId,
            Fields =
            [
                new OutputField("gpa", patch.Gpa),
                new OutputField("expected", Convert.ToHexString(patch.Written.AsSpan(0, shown))),
                new OutputField("found", Convert.ToHexString(current[..shown])),
            ],
        });
    }
}
