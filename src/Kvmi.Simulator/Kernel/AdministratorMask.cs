using Kvmi.Protocol;
using Kvmi.Protocol.Dialects;

namespace Kvmi.Simulator.Kernel;

/// <summary>
/// What the administrator of the VM allows (the device manager's <c>command=</c> and <c>event=</c>, kvmi-later-dialects.md 2.5).
/// Immutable.
/// </summary>
internal sealed class AdministratorMask
{
    private readonly bool[] _commands = new bool[64];
    private readonly bool[] _events = new bool[64];

    /// <summary>Makes the mask.</summary>
    /// <param name="dialect">Whose wire ids the lists hold.</param>
    /// <param name="commands">Allowed command ids; null allows all.</param>
    /// <param name="events">Allowed event ids; null allows all.</param>
    /// <exception cref="SimulatorException">A list names an id that the dialect does not have.</exception>
    public AdministratorMask(Dialect dialect, IReadOnlyCollection<ushort>? commands, IReadOnlyCollection<ushort>? events)
    {
        foreach (var kind in Enum.GetValues<CommandKind>())
        {
            _commands[(int)kind] = commands is null;
        }

        foreach (var kind in Enum.GetValues<EventKind>())
        {
            _events[(int)kind] = events is null;
        }

        foreach (var id in commands ?? [])
        {
            _commands[dialect.TryGetCommand(id, out var kind) ? (int)kind : throw Unknown("command", id, dialect)] = true;
        }

        foreach (var id in events ?? [])
        {
            _events[dialect.TryGetEvent(id, out var kind) ? (int)kind : throw Unknown("event", id, dialect)] = true;
        }
    }

    /// <summary>True when the command may be used; asking for version and permissions always may.</summary>
    public bool Allows(CommandKind kind) =>
        kind is CommandKind.GetVersion or CommandKind.CheckCommand or CommandKind.CheckEvent || _commands[(int)kind];

    /// <summary>True when the event may be switched on.</summary>
    public bool Allows(EventKind kind) => _events[(int)kind];

    private static SimulatorException Unknown(string what, ushort id, Dialect dialect) =>
        new($"Allowed {what} {id} does not exist in the {dialect.Name} dialect; give wire ids, for example 2 for GET_VERSION.");
}
