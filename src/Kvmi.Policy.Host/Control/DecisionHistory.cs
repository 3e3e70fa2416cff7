using Kvmi.Policy.Engine.Output;

namespace Kvmi.Policy.Host.Control;

/// <summary>
/// The latest decisions, for explain. The output thread fills it from the lines that it writes anyway; a VM's thread never comes here.
/// Harmless decisions have a place of their own, so that their number cannot push out the few that matter.
/// </summary>
internal sealed class DecisionHistory
{
    /// <summary>Decisions of each of the two kinds that are remembered.</summary>
    public const int Capacity = 1024;

    private readonly Lock _lock = new();
    private readonly Queue<(long Number, DecisionOutput Decision)> _notable = new(Capacity);
    private readonly Queue<(long Number, DecisionOutput Decision)> _harmless = new(Capacity);
    private long _count;

    /// <summary>Remembers a decision and forgets the oldest of its kind.</summary>
    public void Add(DecisionOutput decision)
    {
        lock (_lock)
        {
            var queue = decision.IsHarmless ? _harmless : _notable;
            if (queue.Count == Capacity)
            {
                queue.Dequeue();
            }

            queue.Enqueue((++_count, decision));
        }
    }

    /// <summary>The latest decisions that match, the latest last.</summary>
    /// <param name="last">How many at most.</param>
    /// <param name="matches">Which.</param>
    /// <param name="forgotten">Decisions since the start that are no longer remembered.</param>
    public IReadOnlyList<(long Number, DecisionOutput Decision)> Latest(int last, Func<DecisionOutput, bool> matches, out long forgotten)
    {
        (long Number, DecisionOutput Decision)[] all;
        lock (_lock)
        {
            all = [.. _notable, .. _harmless];
            forgotten = _count - all.Length;
        }

        return [.. all.Where(entry => matches(entry.Decision)).OrderBy(entry => entry.Number).TakeLast(last)];
    }
}
