using System.Collections.Concurrent;
using System.Globalization;
using Kvmi.Protocol;

namespace Kvmi.Simulator.Kernel;

/// <summary>Counts what crossed the wire. Any thread.</summary>
internal sealed class SimulationCounters
{
    private readonly long[] _events = new long[Enum.GetValues<EventKind>().Length];
    private readonly long[] _replies = new long[Enum.GetValues<EventAction>().Length];
    private readonly long[] _commands = new long[Enum.GetValues<CommandKind>().Length];
    private readonly long[] _errors = new long[Enum.GetValues<CommandKind>().Length];
    private readonly ConcurrentDictionary<string, long> _unknown = new();
    private long _answered;

    /// <summary>Events that a reply was waited for, sent so far.</summary>
    public long Answered => Volatile.Read(ref _answered);

    /// <summary>Events so far that the guest caused; pauses and the like are the tool's own doing.</summary>
    public long GuestEvents => Enum.GetValues<EventKind>()
        .Where(kind => kind is not (EventKind.Unhook or EventKind.CreateVcpu or EventKind.PauseVcpu or EventKind.CommandError))
        .Sum(kind => Volatile.Read(ref _events[(int)kind]));

    /// <summary>An event was sent.</summary>
    public void Event(EventKind kind, bool expectsReply)
    {
        Interlocked.Increment(ref _events[(int)kind]);
        if (expectsReply)
        {
            Interlocked.Increment(ref _answered);
        }
    }

    /// <summary>An event reply was taken; actions without a name are not counted.</summary>
    public void Reply(EventAction action)
    {
        if ((int)action < _replies.Length)
        {
            Interlocked.Increment(ref _replies[(int)action]);
        }
    }

    /// <summary>A command arrived.</summary>
    public void Command(CommandKind kind) => Interlocked.Increment(ref _commands[(int)kind]);

    /// <summary>A command with an unknown id arrived; at most a few hundred different ids are told apart.</summary>
    public void UnknownCommand(ushort id)
    {
        var name = _unknown.Count < 256 ? string.Create(CultureInfo.InvariantCulture, $"#{id}") : "#other";
        _unknown.AddOrUpdate(name, 1, (_, count) => count + 1);
    }

    /// <summary>A command was answered with an error.</summary>
    public void Error(CommandKind kind) => Interlocked.Increment(ref _errors[(int)kind]);

    /// <summary>Events by kind.</summary>
    public IReadOnlyDictionary<EventKind, long> Events() => Named<EventKind>(_events);

    /// <summary>Replies by action.</summary>
    public IReadOnlyDictionary<EventAction, long> Replies() => Named<EventAction>(_replies);

    /// <summary>Commands by name.</summary>
    public IReadOnlyDictionary<string, long> Commands()
    {
        var result = Named<CommandKind>(_commands).ToDictionary(pair => pair.Key.ToString(), pair => pair.Value);
        foreach (var (name, count) in _unknown)
        {
            result[name] = count;
        }

        return result;
    }

    /// <summary>Failed commands by name.</summary>
    public IReadOnlyDictionary<string, long> Errors() =>
        Named<CommandKind>(_errors).ToDictionary(pair => pair.Key.ToString(), pair => pair.Value);

    private static Dictionary<T, long> Named<T>(long[] counts)
        where T : struct, Enum =>
        Enum.GetValues<T>().Where(value => counts[Convert.ToInt32(value, CultureInfo.InvariantCulture)] > 0)
            .ToDictionary(value => value, value => Volatile.Read(ref counts[Convert.ToInt32(value, CultureInfo.InvariantCulture)]));
}
