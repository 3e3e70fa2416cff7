namespace Kvmi.Session.Vm;

/// <summary>
/// How many replies leave in one send. Events that arrived together are decided one after the other; when the replies of the first ones leave, their
/// vCPUs run on while the rest is decided. One send for all would be fewer system calls, and both ends would take turns in doing nothing. The
/// owner thread's alone.
/// </summary>
internal struct ReplyGroup
{
    // A send and the wake-up behind it cost as much as the decisions about one or two events.
    private const int Least = 2;
    private const int GroupsOfBatch = 3;

    private int _unsent;
    private int _batch;
    private int _lastBatch;

    /// <summary>True when enough replies are ready to be worth a send of their own.</summary>
    public readonly bool IsFull => _unsent >= Math.Max(Least, _lastBatch / GroupsOfBatch);

    /// <summary>A reply is ready.</summary>
    /// <param name="isFirst">Nothing else waits to be sent.</param>
    public void Add(bool isFirst)
    {
        _unsent = isFirst ? 1 : _unsent + 1;
        _batch++;
    }

    /// <summary>All that had arrived is answered; the next batch is expected to be as large.</summary>
    public void EndBatch()
    {
        if (_batch > 0)
        {
            _lastBatch = _batch;
            _batch = 0;
        }
    }
}
