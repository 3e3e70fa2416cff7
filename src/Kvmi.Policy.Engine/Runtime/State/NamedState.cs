namespace Kvmi.Policy.Engine.Runtime.State;

/// <summary>
/// The collections of one policy, of one VM or of all. Instances of several generations, and for scope "policy" of several
/// VMs, find the same collection under the same name.
/// </summary>
internal sealed class NamedState
{
    /// <summary>Largest capacity of a collection.</summary>
    public const int MaxCapacity = 1 << 20;

    /// <summary>Collections per policy.</summary>
    public const int MaxCollections = 64;

    private readonly Dictionary<string, IStateCollection> _collections = [];
    private readonly List<string> _losses = [];
    private readonly Lock _gate = new();

    public NamedState(bool shared, bool perVcpu = false)
    {
        Shared = shared;
        PerVcpu = perVcpu;
    }

    /// <summary>True when several VMs use it.</summary>
    public bool Shared { get; }

    /// <summary>True when each vCPU has collections of its own.</summary>
    public bool PerVcpu { get; }

    /// <summary>Finds a collection, or makes it.</summary>
    /// <param name="policyId">For messages.</param>
    /// <param name="name">Name of the collection.</param>
    /// <param name="capacity">Capacity that is asked for.</param>
    /// <param name="mine">Names that the asking instance has already taken: it cannot change its mind about them.</param>
    /// <param name="make">Makes the collection from the one before, if that has the same type.</param>
    public TCollection Get<TCollection>(
        string policyId, string name, long capacity, HashSet<string> mine, Func<int, TCollection?, TCollection> make)
        where TCollection : class, IStateCollection
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        if (capacity is < 1 or > MaxCapacity)
        {
            throw new ArgumentOutOfRangeException(
                nameof(capacity), capacity, $"State '{name}' of policy {policyId} needs a capacity of 1 to {MaxCapacity}.");
        }

        lock (_gate)
        {
            _collections.TryGetValue(name, out var found);
            if (found is TCollection same && same.Capacity == capacity)
            {
                mine.Add(name);
                return same;
            }

            // After a reload the new instance may want another size: it gets a new collection with what fits of the old one.
            if (found is not null && mine.Contains(name))
            {
                throw new InvalidOperationException(
                    $"State '{name}' of policy {policyId} exists already with another type or a capacity of {found.Capacity}; use one "
                    + "name for one collection.");
            }

            if (found is null && _collections.Count >= MaxCollections && !TryForgetOneBut(mine))
            {
                throw new InvalidOperationException($"Policy {policyId} asks for more than {MaxCollections} named collections.");
            }

            var made = make((int)capacity, found as TCollection);
            if (Shared && made.HoldsCollectibleTypes)
            {
                throw new InvalidOperationException(
                    $"State '{name}' of policy {policyId} has scope 'policy' and an element type that the policy itself defines; use "
                    + "built-in types or scope 'vm'.");
            }

            NoteLoss(name, found, made);
            _collections[name] = made;
            mine.Add(name);
            return made;
        }
    }

    /// <summary>Forgets the collections whose element types belong to a generation that is going away.</summary>
    public void DropCollectible()
    {
        lock (_gate)
        {
            foreach (var name in _collections.Where(pair => pair.Value.HoldsCollectibleTypes).Select(pair => pair.Key).ToArray())
            {
                _losses.Add($"'{name}' ({_collections[name].Count} entries, whose type was the policy's own)");
                _collections.Remove(name);
            }
        }
    }

    /// <summary>What was not taken over since the last call, a few words each; for the report of a reload.</summary>
    public IReadOnlyList<string> TakeLosses()
    {
        lock (_gate)
        {
            var losses = _losses.ToArray();
            _losses.Clear();
            return losses;
        }
    }

    private void NoteLoss(string name, IStateCollection? found, IStateCollection made)
    {
        if (found is null || found.Count == 0)
        {
            return;
        }

        if (found.GetType() != made.GetType())
        {
            _losses.Add($"'{name}' ({found.Count} entries; it was {found.TypeText}, and is {made.TypeText} now)");
        }
        else if (made.Count < found.Count)
        {
            _losses.Add($"'{name}' ({found.Count - made.Count} of {found.Count} entries; its capacity is {made.Capacity} now)");
        }
    }

    // Names of earlier versions must not use up the room of this one. What VMs share may be another VM's.
    private bool TryForgetOneBut(HashSet<string> mine) =>
        !Shared && _collections.Keys.FirstOrDefault(name => !mine.Contains(name)) is { } unused && _collections.Remove(unused);
}
