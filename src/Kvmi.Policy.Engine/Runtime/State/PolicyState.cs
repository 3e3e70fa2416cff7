namespace Kvmi.Policy.Engine.Runtime.State;

/// <summary>What one policy instance sees of its named state.</summary>
internal sealed class PolicyState : IPolicyState
{
    private readonly string _policyId;
    private readonly NamedState _state;
    private readonly ulong _seed;
    private readonly ForeignCode _foreign;
    private readonly CurrentEvent _current;
    private readonly Func<int> _vcpus;
    private readonly HashSet<string> _taken = [];

    /// <summary>A view of a policy's state.</summary>
    /// <param name="policyId">For messages.</param>
    /// <param name="state">The state.</param>
    /// <param name="seed">A number that guests do not know.</param>
    /// <param name="foreign">Whose thread it is.</param>
    /// <param name="current">The event, for scope "vcpu".</param>
    /// <param name="vcpus">How many vCPUs are known, for scope "vcpu".</param>
    public PolicyState(string policyId, NamedState state, ulong seed, ForeignCode foreign, CurrentEvent current, Func<int> vcpus)
    {
        _policyId = policyId;
        _state = state;
        _seed = seed;
        _foreign = foreign;
        _current = current;
        _vcpus = vcpus;
    }

    public IBoundedSet<T> Set<T>(string name, long capacity)
        where T : unmanaged, IEquatable<T>
    {
        using var custody = _foreign.Enter();
        if (_state.PerVcpu)
        {
            return new VcpuSet<T>(GetPerVcpu<BoundedSet<T>>(name, capacity, size => new(size, _seed, shared: false), (to, from) => to.CopyFrom(from)), Now(name));
        }

        var set = _state.Get<BoundedSet<T>>(_policyId, name, capacity, _taken, (size, before) =>
        {
            var made = new BoundedSet<T>(size, _seed, _state.Shared);
            if (before is not null)
            {
                made.CopyFrom(before);
            }

            return made;
        });
        return _state.Shared ? new SharedSet<T>(set, _foreign) : set;
    }

    public IBoundedMap<TKey, TValue> Map<TKey, TValue>(string name, long capacity)
        where TKey : unmanaged, IEquatable<TKey>
        where TValue : unmanaged
    {
        using var custody = _foreign.Enter();
        if (_state.PerVcpu)
        {
            return new VcpuMap<TKey, TValue>(
                GetPerVcpu<BoundedMap<TKey, TValue>>(name, capacity, size => new(size, _seed, shared: false), (to, from) => to.CopyFrom(from)), Now(name));
        }

        var map = _state.Get<BoundedMap<TKey, TValue>>(_policyId, name, capacity, _taken, (size, before) =>
        {
            var made = new BoundedMap<TKey, TValue>(size, _seed, _state.Shared);
            if (before is not null)
            {
                made.CopyFrom(before);
            }

            return made;
        });
        return _state.Shared ? new SharedMap<TKey, TValue>(map, _foreign) : map;
    }

    private VcpuNow Now(string name) => new(_current, _policyId, name);

    private PerVcpu<TCollection> GetPerVcpu<TCollection>(string name, long capacity, Func<int, TCollection> make, Action<TCollection, TCollection> copy)
        where TCollection : class, IStateCollection
    {
        if (capacity > PerVcpu<TCollection>.MaxCapacity)
        {
            throw new ArgumentOutOfRangeException(
                nameof(capacity), capacity, $"State '{name}' of policy {_policyId} has scope 'vcpu' and needs a capacity of 1 to {PerVcpu<TCollection>.MaxCapacity}, for each vCPU.");
        }

        return _state.Get<PerVcpu<TCollection>>(_policyId, name, capacity, _taken, (size, before) =>
        {
            var made = new PerVcpu<TCollection>(size, _vcpus(), make);
            if (before is not null)
            {
                made.CopyFrom(before, copy);
            }

            return made;
        });
    }
}
