namespace Kvmi.Protocol.Dialects.Later;

/// <summary>Wire ids of the commands of one dialect, both ways.</summary>
internal sealed class CommandIds
{
    private readonly ushort?[] _byKind = new ushort?[Enum.GetValues<CommandKind>().Length];
    private readonly CommandKind?[] _byId;

    public CommandIds(params (CommandKind Kind, ushort Id)[] ids)
    {
        _byId = new CommandKind?[ids.Max(entry => entry.Id) + 1];
        foreach (var (kind, id) in ids)
        {
            _byKind[(int)kind] = id;
            _byId[id] = kind;
        }
    }

    public bool TryGetId(CommandKind kind, out ushort id)
    {
        var found = (uint)kind < (uint)_byKind.Length ? _byKind[(int)kind] : null;
        id = found ?? 0;
        return found is not null;
    }

    public bool TryGetKind(ushort id, out CommandKind kind)
    {
        var found = id < _byId.Length ? _byId[id] : null;
        kind = found ?? default;
        return found is not null;
    }
}
