namespace Kvmi.Session.Latency;

/// <summary>How many threads of all VMs may spin at the same moment. Any thread.</summary>
internal sealed class SpinBudget
{
    private int _free;

    /// <summary>Makes the budget.</summary>
    /// <param name="threads">Threads that may spin at once; 0 for none.</param>
    public SpinBudget(int threads) => _free = threads;

    /// <summary>
    /// The budget for owner threads that run on any processor of this process, or on some of them: no more than they have, and where that is
    /// all of them one less, because the thread that they wait for needs one as well.
    /// </summary>
    /// <param name="ofProcess">Processors that the process may use.</param>
    /// <param name="ofOwners">Processors that the owner threads are bound to; null when they are not bound.</param>
    public static SpinBudget For(int ofProcess, int? ofOwners) =>
        new(Math.Max(0, Math.Min(ofOwners ?? ofProcess, ofProcess - 1)));

    /// <summary>Takes a place; <see cref="Leave"/> gives it back.</summary>
    /// <returns>False when all are taken.</returns>
    public bool TryEnter()
    {
        var free = Volatile.Read(ref _free);
        while (free > 0)
        {
            var seen = Interlocked.CompareExchange(ref _free, free - 1, free);
            if (seen == free)
            {
                return true;
            }

            free = seen;
        }

        return false;
    }

    /// <summary>Gives a place back.</summary>
    public void Leave() => Interlocked.Increment(ref _free);
}
