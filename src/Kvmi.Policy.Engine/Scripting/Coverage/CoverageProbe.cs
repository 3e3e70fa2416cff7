using System.ComponentModel;

namespace Kvmi.Policy.Engine.Scripting.Coverage;

/// <summary>
/// What scripts call whose coverage is measured; the instrumentation puts the calls in. A script cannot name this class: it is compiled against the
/// contract alone. Public only because code of another assembly calls it. Any thread.
/// </summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public static class CoverageProbe
{
    private static readonly Lock Gate = new();
    private static long[][] _hits = [];

    /// <summary>A statement or a branch is run.</summary>
    /// <param name="script">Number of the script, from <see cref="Open"/>.</param>
    /// <param name="point">Number of the statement or branch in it.</param>
    public static void Hit(int script, int point) => Interlocked.Increment(ref Volatile.Read(ref _hits)[script][point]);

    /// <summary>Takes a number for a script.</summary>
    /// <param name="points">How many statements and branches it has.</param>
    /// <returns>The number, and the counters: one for each of them.</returns>
    internal static (int Script, long[] Hits) Open(int points)
    {
        lock (Gate)
        {
            var counters = new long[points];
            Volatile.Write(ref _hits, [.. _hits, counters]);
            return (_hits.Length - 1, counters);
        }
    }
}
