using Kvmi.Protocol;
using Kvmi.Session.Vm;

namespace Kvmi.Policy.Engine.Leases;

/// <summary>
/// Guest memory that policies wrote, with what was there before. Giving a patch back writes the former bytes where the
/// guest still holds ours; where a later patch of another policy covers a byte, that patch inherits the former byte
/// instead. For the VM's owner thread.
/// </summary>
internal sealed class MemoryPatches
{
    /// <summary>Bytes that all policies together may have patched on one VM.</summary>
    public const int MaxBytes = 1 << 20;

    /// <summary>Patches on one VM.</summary>
    public const int MaxPatches = 4096;

    private readonly IIntrospectedVm _vm;
    private readonly Action<LeaseFault> _report;
    private readonly List<Patch> _patches = [];
    private int _bytes;

    public MemoryPatches(IIntrospectedVm vm, Action<LeaseFault> report)
    {
        _vm = vm;
        _report = report;
    }

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

        var same = FindSame(owner, gpa, source.Length);
        if (same is not null)
        {
            var written = _vm.WritePhysical(gpa, source);
            if (written == KvmiError.None)
            {
                source.CopyTo(same.Written);
            }

            return written;
        }

        if (_patches.Count >= MaxPatches || _bytes + source.Length > MaxBytes)
        {
            return KvmiError.NoMemory;
        }

        var patch = new Patch(owner, gpa, new byte[source.Length], source.ToArray());
        var error = _vm.ReadPhysical(gpa, patch.Former);
        if (error != KvmiError.None)
        {
            return error;
        }

        error = _vm.WritePhysical(gpa, source);
        if (error != KvmiError.None)
        {
            // Earlier pages of the range may hold the new bytes already.
            _vm.WritePhysical(gpa, patch.Former);
            return error;
        }

        _patches.Add(patch);
        _bytes += source.Length;
        return KvmiError.None;
    }

    /// <summary>Gives back all patches of an owner, the latest first. Errors are reported, the rest goes on.</summary>
    public void Release(LeaseOwner owner)
    {
        for (var i = _patches.Count - 1; i >= 0; i--)
        {
            var patch = _patches[i];
            if (ReferenceEquals(patch.Owner, owner))
            {
                _patches.RemoveAt(i);
                _bytes -= patch.Written.Length;
                GiveBack(patch, i);
            }
        }
    }

    private Patch? FindSame(LeaseOwner owner, ulong gpa, int length)
    {
        for (var i = _patches.Count - 1; i >= 0; i--)
        {
            var patch = _patches[i];
            if (patch.Overlaps(gpa, length))
            {
                return ReferenceEquals(patch.Owner, owner) && patch.Gpa == gpa && patch.Written.Length == length ? patch : null;
            }
        }

        return null;
    }

    private void GiveBack(Patch patch, int firstLater)
    {
        var current = new byte[patch.Written.Length];
        var error = _vm.ReadPhysical(patch.Gpa, current);
        if (error != KvmiError.None)
        {
            _report(new LeaseFault($"reading back the patch of {patch.Owner.PolicyId} at 0x{patch.Gpa:x}", error));
            return;
        }

        var changed = 0;
        for (var k = 0; k < current.Length; k++)
        {
            var gpa = patch.Gpa + (ulong)k;
            var later = LaterPatch(gpa, firstLater);
            if (later is not null)
            {
                later.Former[gpa - later.Gpa] = patch.Former[k];
            }
            else if (current[k] == patch.Written[k])
            {
                current[k] = patch.Former[k];
            }
            else
            {
                changed++;
            }
        }

        if (changed > 0)
        {
            _report(new LeaseFault($"{changed} of {current.Length} bytes that {patch.Owner.PolicyId} patched at 0x{patch.Gpa:x} were "
                + "changed by the guest since and stay as they are", KvmiError.None));
        }

        error = _vm.WritePhysical(patch.Gpa, current);
        if (error != KvmiError.None)
        {
            _report(new LeaseFault($"putting back the bytes that {patch.Owner.PolicyId} patched at 0x{patch.Gpa:x}", error));
        }
    }

    private Patch? LaterPatch(ulong gpa, int first)
    {
        for (var j = first; j < _patches.Count; j++)
        {
            if (_patches[j].Overlaps(gpa, 1))
            {
                return _patches[j];
            }
        }

        return null;
    }

    private sealed record Patch(LeaseOwner Owner, ulong Gpa, byte[] Former, byte[] Written)
    {
        // Subtractions instead of sums: the last byte of the address space must not overflow.
        public bool Overlaps(ulong gpa, int length) =>
            gpa >= Gpa ? gpa - Gpa < (ulong)Written.Length : Gpa - gpa < (ulong)length;
    }
}
