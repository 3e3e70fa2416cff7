using Kvmi.Policy.Engine.Runtime.Services;

namespace Kvmi.Policy.Engine.Tests.Scripting;

/// <summary>Services of one policy that keep what the policy said. State is unbounded; parameters, memory and pages are not there.</summary>
internal sealed class RecordingServices : IPolicyServices, IPolicyFacts, IPolicyState, IPolicyClock, IPageLeases, IBreakpointLeases
{
    private readonly Dictionary<Type, object> _services;

    public RecordingServices(Dictionary<Type, object>? services = null) => _services = services ?? [];

    public List<string> Alerts { get; } = [];

    public Dictionary<string, Fact> Numbers { get; } = [];

    public DateTimeOffset Now { get; set; } = DateTimeOffset.UnixEpoch;

    public IPolicyParameters Parameters => throw new ArgumentException("no parameters here");

    public IPolicyState State => this;

    public IGuestMemory Memory => throw new InvalidOperationException("no memory here");

    public IPageLeases Pages => this;

    public IBreakpointLeases Breakpoints => this;

    public ISinglestepLeases Singlestep => throw new InvalidOperationException("no steps here");

    public IViewLeases Views => throw new InvalidOperationException("no views here");

    public IRegisterEdits Registers => throw new InvalidOperationException("no registers here");

    public IPolicyFacts Facts => this;

    public IPolicyClock Clock => this;

    public IGuestVm Vm => throw new InvalidOperationException("no VM here");

    public bool Enforcing => true;

    public DateTimeOffset UtcNow => Now;

    public TimeSpan SinceAttach => TimeSpan.Zero;

    public void Alert(string name, object? fields) => Alerts.Add($"{name} {fields}");

    public void Record(string name, object? fields) => Alerts.Add($"{name} {fields}");

    public T Service<T>()
        where T : class => (T)_services[typeof(T)];

    public void Publish<T>(T service)
        where T : class => _services.Add(typeof(T), service);

    IPolicyFact IPolicyFacts.Get(string name)
    {
        if (!Numbers.TryGetValue(name, out var fact))
            Numbers.Add(name, fact = new Fact(name));
        return fact;
    }

    IPolicyCounts IPolicyFacts.Counts(string name) => new KeyCounts(name, 1, this);

    public IBoundedSet<T> Set<T>(string name, long capacity)
        where T : unmanaged, IEquatable<T> => new SetOf<T>((int)capacity);

    public IBoundedMap<TKey, TValue> Map<TKey, TValue>(string name, long capacity)
        where TKey : unmanaged, IEquatable<TKey>
        where TValue : unmanaged => new MapOf<TKey, TValue>((int)capacity);

    bool IPageLeases.Set(ulong gpa, Kvmi.Protocol.PageAccess access) => true;

    bool IPageLeases.Release(ulong gpa) => true;

    bool IBreakpointLeases.Set(ulong gpa) => true;

    void IBreakpointLeases.Release(ulong gpa)
    {
    }

    bool IBreakpointLeases.IsSet(ulong gpa) => true;

    Kvmi.Protocol.PageAccess IPageLeases.Get(ulong gpa) => Kvmi.Protocol.PageAccess.All;

    internal sealed class Fact(string name) : IPolicyFact
    {
        public string Name => name;

        public long Value { get; set; }
    }

    private sealed class SetOf<T>(int capacity) : IBoundedSet<T>
        where T : unmanaged, IEquatable<T>
    {
        private readonly HashSet<T> _values = new(capacity);

        public int Count => _values.Count;

        public int Capacity => capacity;

        public long Overflowed { get; private set; }

        public bool Add(T value)
        {
            if (_values.Count < capacity)
                return _values.Add(value);

            Overflowed++;
            return false;
        }

        public bool Remove(T value) => _values.Remove(value);

        public bool Contains(T value) => _values.Contains(value);
    }

    private sealed class MapOf<TKey, TValue>(int capacity) : IBoundedMap<TKey, TValue>
        where TKey : unmanaged, IEquatable<TKey>
        where TValue : unmanaged
    {
        private readonly Dictionary<TKey, TValue> _values = new(capacity);

        public int Count => _values.Count;

        public int Capacity => capacity;

        public long Overflowed { get; private set; }

        public bool TrySet(TKey key, TValue value)
        {
            if (_values.Count < capacity || _values.ContainsKey(key))
            {
                _values[key] = value;
                return true;
            }

            Overflowed++;
            return false;
        }

        public bool TryGet(TKey key, out TValue value) => _values.TryGetValue(key, out value);

        public bool Remove(TKey key) => _values.Remove(key);
    }
}
