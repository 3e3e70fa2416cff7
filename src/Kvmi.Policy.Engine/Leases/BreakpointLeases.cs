using Kvmi.Protocol;
using Kvmi.Session.Vm;

namespace Kvmi.Policy.Engine.Leases;

/// <summary>
/// INT3 instructions that policies put over guest code, each for one hit. An address that several policies want has one patch and its former
/// byte is kept once; it goes back when the last of them lets go, or when a vCPU runs into it. For the VM's owner thread.
/// </summary>
internal sealed class BreakpointLeases
{
    /// <summary>Addresses on one VM.</summary>
    public const int MaxBreakpoints = 1024;

    /// <summary>INT3.</summary>
    public const byte Instruction = 0xCC;

    private readonly IIntrospectedVm _vm;
    private readonly MemoryPatches _patches;
    private readonly LeaseOwner _bytes = new("breakpoints");
    private readonly Dictionary<ulong, List<LeaseOwner>> _owners = [];

    public BreakpointLeases(IIntrospectedVm vm, MemoryPatches patches)
    {
        _vm = vm;
        _patches = patches;
    }

    /// <summary>Addresses that hold an INT3 of ours.</summary>
    public int Count => _owners.Count;

    /// <summary>True from the first breakpoint on: events of INT3s that are gone meanwhile may still come.</summary>
    public bool WereUsed { get; private set; }

    public bool IsSet(LeaseOwner owner, ulong gpa) => _owners.TryGetValue(gpa, out var owners) && owners.Contains(owner);

    /// <summary>Puts a breakpoint over the instruction that begins at the address.</summary>
    /// <returns>
    /// The error of the kernel, or <see cref="KvmiError.Busy"/> where the guest has an INT3 of its own, which could not be told from ours.
    /// </returns>
    public KvmiError Set(LeaseOwner owner, ulong gpa)
    {
        if (_owners.TryGetValue(gpa, out var owners))
        {
            if (!owners.Contains(owner))
            {
                owners.Add(owner);
            }

            return KvmiError.None;
        }

        if (_owners.Count >= MaxBreakpoints)
        {
            return KvmiError.NoMemory;
        }

        var error = Read(gpa, out var current);
        if (error == KvmiError.None && current == Instruction)
        {
            return KvmiError.Busy;
        }

        error = error == KvmiError.None ? _patches.Write(_bytes, gpa, [Instruction]) : error;
        if (error == KvmiError.None)
        {
            WereUsed = true;
            _owners.Add(gpa, [owner]);
        }

        return error;
    }

    /// <summary>Takes an owner off one address.</summary>
    public void Release(LeaseOwner owner, ulong gpa)
    {
        if (_owners.TryGetValue(gpa, out var owners) && owners.Remove(owner) && owners.Count == 0)
        {
            PutBack(gpa);
        }
    }

    /// <summary>Takes an owner off all addresses.</summary>
    public void Release(LeaseOwner owner)
    {
        foreach (var gpa in _owners.Where(pair => pair.Value.Contains(owner)).Select(pair => pair.Key).Order().ToArray())
        {
            Release(owner, gpa);
        }
    }

    /// <summary>A vCPU ran into an INT3: when it is ours it is taken back, before anybody decides.</summary>
    /// <param name="gpa">Its address.</param>
    /// <param name="owners">Filled with those who wanted it; grown when it is too small.</param>
    /// <returns>How many wanted it; 0 when the breakpoint is none of ours.</returns>
    public int TakeHit(ulong gpa, ref LeaseOwner[] owners)
    {
        if (!_owners.TryGetValue(gpa, out var hit))
        {
            return 0;
        }

        PutBack(gpa);
        if (owners.Length < hit.Count)
        {
            Array.Resize(ref owners, hit.Count);
        }

        hit.CopyTo(owners);
        return hit.Count;
    }

    /// <summary>
    /// True when the address holds no INT3 any more: one of ours was taken back while the event was on its way, and the guest must
    /// not be told of a breakpoint that is not in its code.
    /// </summary>
    public bool IsStale(ulong gpa) => Read(gpa, out var current) == KvmiError.None && current != Instruction;

    private void PutBack(ulong gpa)
    {
        _owners.Remove(gpa);
        _patches.Release(_bytes, gpa);
    }

    private KvmiError Read(ulong gpa, out byte value)
    {
        value = 0;
        return _vm.ReadPhysical(gpa, new Span<byte>(ref value));
    }
}
