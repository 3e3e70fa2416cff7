namespace Kvmi.Policy.Engine.Runtime.State;

/// <summary>
/// One collection for each vCPU under one name. Those of the vCPUs that are there are made with it, so that no event pays for them; one that
/// comes later gets its own with its first use. For one VM's thread.
/// </summary>
internal sealed class PerVcpu<TCollection> : IStateCollection
    where TCollection : class, IStateCollection
{
    /// <summary>Largest capacity for each vCPU: the memory is taken as often as there are vCPUs.</summary>
    public const int MaxCapacity = 1 << 16;

    private readonly Func<int, TCollection> _make;
    private TCollection?[] _byVcpu;

    public PerVcpu(int capacity, int vcpus, Func<int, TCollection> make)
    {
        Capacity = capacity;
        _make = make;
        _byVcpu = new TCollection?[Math.Max(1, vcpus)];
        for (var i = 0; i < _byVcpu.Length; i++)
        {
            _byVcpu[i] = make(capacity);
        }
    }

    public int Capacity { get; }

    /// <summary>Entries of all vCPUs.</summary>
    public int Count => Made.Sum(collection => collection.Count);

    public string TypeText => $"{_byVcpu[0]!.TypeText} for each vCPU";

    public bool HoldsCollectibleTypes => _byVcpu[0]!.HoldsCollectibleTypes;

    /// <summary>Those that were made.</summary>
    public IEnumerable<TCollection> Made => _byVcpu.OfType<TCollection>();

    /// <summary>The collection of a vCPU.</summary>
    public TCollection Of(int vcpu)
    {
        if (vcpu >= _byVcpu.Length)
        {
            Array.Resize(ref _byVcpu, vcpu + 1);
        }

        return _byVcpu[vcpu] ??= _make(Capacity);
    }

    /// <summary>Takes over what fits of older collections of the same name.</summary>
    public void CopyFrom(PerVcpu<TCollection> other, Action<TCollection, TCollection> copy)
    {
        for (var vcpu = 0; vcpu < other._byVcpu.Length; vcpu++)
        {
            if (other._byVcpu[vcpu] is { } before)
            {
                copy(Of(vcpu), before);
            }
        }
    }
}
