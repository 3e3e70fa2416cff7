using Kvmi.Policy.Engine.Containment.Worker.Lane;

namespace Kvmi.Policy.Engine.Containment.Worker.Inside;

/// <summary>The policy's facts: kept by the host, which hears of new values with the next decision.</summary>
internal sealed class WorkerFacts(WorkerChannel channel) : IPolicyFacts
{
    private readonly Dictionary<string, Fact> _facts = [];

    public IPolicyFact Get(string name)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        if (_facts.TryGetValue(name, out var fact))
        {
            return fact;
        }

        var question = channel.Ask(LaneCode.FindFact);
        question.Text(name, 256);
        var answer = channel.Answer(in question);
        fact = new Fact(name, answer.U16(), (long)answer.U64());
        _facts.Add(name, fact);
        return fact;
    }

    public IPolicyCounts Counts(string name) => throw new NotSupportedException(
        $"An untrusted policy cannot count by key ('{name}'): the histogram would be another process's. Use Facts.Get, or trust the policy.");

    /// <summary>Writes the values that have changed since the last time.</summary>
    public void WriteChanges(ref LaneWriter writer)
    {
        byte changed = 0;
        foreach (var fact in _facts.Values)
        {
            changed += fact.IsChanged ? (byte)1 : (byte)0;
        }

        writer.U8(changed);
        foreach (var fact in _facts.Values)
        {
            if (fact.IsChanged)
            {
                fact.IsChanged = false;
                writer.U16(fact.Index);
                writer.U64((ulong)fact.Value);
            }
        }
    }

    private sealed class Fact(string name, ushort index, long value) : IPolicyFact
    {
        private long _value = value;

        public string Name => name;

        public ushort Index => index;

        public bool IsChanged { get; set; }

        public long Value
        {
            get => _value;
            set
            {
                _value = value;
                IsChanged = true;
            }
        }
    }
}
