using Kvmi.Protocol;
using Kvmi.Protocol.Dialects;
using Kvmi.Protocol.Ioctls;
using Kvmi.Simulator.Kernel.Hooking;

namespace Kvmi.Simulator.Kernel;

/// <summary>
/// What the administrator of the VM allows, as the kernel keeps it from HOOK to UNHOOK: the ioctls COMMAND and EVENT change it
/// (kvmi-later-dialects.md 2.7, 3.5). Any thread; a change holds from the next command on.
/// </summary>
internal sealed class AdministratorMask
{
    private readonly Dialect _dialect;
    private ulong _commands;
    private ulong _events;

    /// <summary>Makes a mask that forbids what can be forbidden, as HOOK does.</summary>
    /// <param name="dialect">Whose wire ids the ioctls name.</param>
    public AdministratorMask(Dialect dialect) => _dialect = dialect;

    /// <summary>Makes a mask from lists.</summary>
    /// <param name="dialect">Whose wire ids the lists hold.</param>
    /// <param name="commands">Allowed command ids; null allows all.</param>
    /// <param name="events">Allowed event ids; null allows all.</param>
    /// <exception cref="SimulatorException">A list names an id that the dialect does not have.</exception>
    public AdministratorMask(Dialect dialect, IReadOnlyCollection<ushort>? commands, IReadOnlyCollection<ushort>? events)
        : this(dialect)
    {
        _commands = commands is null ? ulong.MaxValue : 0;
        _events = events is null ? ulong.MaxValue : 0;
        foreach (var id in commands ?? [])
        {
            if (SetCommand(new AllowArgument(1, id)) != IoctlError.None)
            {
                throw Unknown("command", id, dialect);
            }
        }

        foreach (var id in events ?? [])
        {
            if (SetEvent(new AllowArgument(1, id)) != IoctlError.None)
            {
                throw Unknown("event", id, dialect);
            }
        }
    }

    /// <summary>True when the command may be used; asking for version and permissions always may.</summary>
    public bool Allows(CommandKind kind) => IsNeverForbidden(kind) || (Volatile.Read(ref _commands) & (1UL << (int)kind)) != 0;

    /// <summary>True when the event may be switched on.</summary>
    public bool Allows(EventKind kind) => (Volatile.Read(ref _events) & (1UL << (int)kind)) != 0;

    /// <summary>Forbids what can be forbidden: the state after HOOK.</summary>
    public void Reset()
    {
        Volatile.Write(ref _commands, 0);
        Volatile.Write(ref _events, 0);
    }

    /// <summary>The ioctl COMMAND.</summary>
    public IoctlError SetCommand(AllowArgument argument)
    {
        if (argument.Allow > 1)
        {
            return IoctlError.InvalidArgument;
        }

        if (argument.Id == AllowArgument.All)
        {
            Volatile.Write(ref _commands, argument.Allow != 0 ? ulong.MaxValue : 0);
            return IoctlError.None;
        }

        if (argument.Id is < 0 or > ushort.MaxValue || !_dialect.TryGetCommand((ushort)argument.Id, out var kind))
        {
            return IoctlError.InvalidArgument;
        }

        if (argument.Allow == 0 && IsNeverForbidden(kind))
        {
            return IoctlError.NotPermitted;
        }

        Set(ref _commands, (int)kind, argument.Allow != 0);
        return IoctlError.None;
    }

    /// <summary>The ioctl EVENT.</summary>
    public IoctlError SetEvent(AllowArgument argument)
    {
        if (argument.Allow > 1)
        {
            return IoctlError.InvalidArgument;
        }

        if (argument.Id == AllowArgument.All)
        {
            Volatile.Write(ref _events, argument.Allow != 0 ? ulong.MaxValue : 0);
            return IoctlError.None;
        }

        if (argument.Id is < 0 or > ushort.MaxValue || !_dialect.TryGetEvent((ushort)argument.Id, out var kind))
        {
            return IoctlError.InvalidArgument;
        }

        Set(ref _events, (int)kind, argument.Allow != 0);
        return IoctlError.None;
    }

    /// <summary>Takes both masks of an rfc-v5 HOOK: bit 1 &lt;&lt; wire id (rfc-v5 2.2).</summary>
    public void SetMasks(uint commands, uint events)
    {
        Reset();
        for (var id = 0; id < 32; id++)
        {
            if ((commands & (1u << id)) != 0)
            {
                SetCommand(new AllowArgument(1, id));
            }

            if ((events & (1u << id)) != 0)
            {
                SetEvent(new AllowArgument(1, id));
            }
        }
    }

    private static void Set(ref ulong mask, int bit, bool on)
    {
        if (on)
        {
            Interlocked.Or(ref mask, 1UL << bit);
        }
        else
        {
            Interlocked.And(ref mask, ~(1UL << bit));
        }
    }

    private static bool IsNeverForbidden(CommandKind kind) =>
        kind is CommandKind.GetVersion or CommandKind.CheckCommand or CommandKind.CheckEvent;

    private static SimulatorException Unknown(string what, ushort id, Dialect dialect) =>
        new($"Allowed {what} {id} does not exist in the {dialect.Name} dialect; give wire ids, for example 2 for GET_VERSION.");
}
