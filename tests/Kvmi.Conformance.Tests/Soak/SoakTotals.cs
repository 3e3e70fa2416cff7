using System.Globalization;
using Kvmi.Protocol;
using Kvmi.Simulator;

namespace Kvmi.Conformance.Tests.Soak;

/// <summary>What several runs have brought together.</summary>
internal sealed class SoakTotals
{
    private readonly SortedDictionary<EventKind, long> _events = [];
    private readonly SortedDictionary<string, long> _tried = new(StringComparer.Ordinal);
    private long _commands;

    public long Events => _events.Values.Sum();

    public void Add(SimulationResult result, IReadOnlyDictionary<string, long> tried, long pauses)
    {
        Merge(_events, result.Events);
        Merge(_tried, tried);
        _commands += result.Commands.Values.Sum();
        Pauses += pauses;
    }

    public long Pauses { get; private set; }

    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{Events} events ({Join(_events)}), {_commands} commands on the wire ({Join(_tried)}), {Pauses} pauses asked for");

    private static string Join<T>(IEnumerable<KeyValuePair<T, long>> counts) => string.Join(", ", counts.Select(count => $"{count.Key} {count.Value}"));

    private static void Merge<T>(SortedDictionary<T, long> into, IReadOnlyDictionary<T, long> from)
        where T : notnull
    {
        foreach (var (key, count) in from)
        {
            into[key] = into.GetValueOrDefault(key) + count;
        }
    }
}
