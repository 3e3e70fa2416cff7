namespace Kvmi.Protocol.Layouts;

/// <summary>
/// What waits for its answer, by (id, sequence). Bounded: a peer that is never answered makes the oldest fall out instead
/// of growing the table.
/// </summary>
internal sealed class OutstandingTable
{
    private const int Limit = 65536;
    private readonly Dictionary<(ushort Id, uint Sequence), ushort> _waiting = [];
    private readonly Queue<(ushort Id, uint Sequence)> _order = new();

    public int Count => _waiting.Count;

    public void Add(ushort id, uint sequence, ushort detail)
    {
        _waiting[(id, sequence)] = detail;
        _order.Enqueue((id, sequence));
        while (_order.Count > Limit)
        {
            _waiting.Remove(_order.Dequeue());
        }
    }

    public bool TryTake(ushort id, uint sequence, out ushort detail)
    {
        if (!_waiting.Remove((id, sequence), out detail))
        {
            return false;
        }

        if (_waiting.Count == 0)
        {
            _order.Clear();
        }

        return true;
    }

    public bool Contains(ushort id, uint sequence) => _waiting.ContainsKey((id, sequence));
}
