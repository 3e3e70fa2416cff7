namespace Kvmi.Policy.Engine.Runtime.State;

/// <summary>What one policy instance sees of its named state.</summary>
internal sealed class PolicyState : IPolicyState
{
    private readonly string _policyId;
    private readonly NamedState _state;
    private readonly ulong _seed;
    private readonly ForeignCode _foreign;
    private readonly HashSet<string> _taken = [];

    public PolicyState(string policyId, NamedState state, ulong seed, ForeignCode foreign)
    {
        _policyId = policyId;
        _state = state;
        _seed = seed;
        _foreign = foreign;
    }

    public IBoundedSet<T> Set<T>(string name, long capacity)
        where T : unmanaged, IEquatable<T>
    {
        using var custody = _foreign.Enter();
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
}
