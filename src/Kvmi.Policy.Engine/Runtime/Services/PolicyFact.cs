namespace Kvmi.Policy.Engine.Runtime.Services;

/// <summary>One named number.</summary>
internal sealed class PolicyFact : IPolicyFact
{
    private long _value;

    public PolicyFact(string name) => Name = name;

    public string Name { get; }

    public long Value
    {
        get => Volatile.Read(ref _value);
        set => Volatile.Write(ref _value, value);
    }
}
