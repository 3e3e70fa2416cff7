using System.Collections.ObjectModel;
using Kvmi.Protocol;

namespace Kvmi.Simulator;

/// <summary>What happened in a simulation. Immutable.</summary>
public sealed record SimulationResult
{
    /// <summary>Name of the scenario.</summary>
    public required string Scenario { get; init; }

    /// <summary>
    /// True when every step ended on every vCPU (or a limit of the options, the caller, or in an endless scenario the tool stopped
    /// an otherwise sound run) and the connection was given up in an orderly way.
    /// </summary>
    public required bool EndedAsWritten { get; init; }

    /// <summary>Why <see cref="EndedAsWritten"/> is false, in one sentence; null when it is true.</summary>
    public string? FailureReason { get; init; }

    /// <summary>What ended the run.</summary>
    public required SimulationEnd End { get; init; }

    /// <summary>Number of vCPUs of the guest.</summary>
    public required int Vcpus { get; init; }

    /// <summary>Seed that was used; the same seed gives the same guest.</summary>
    public required ulong Seed { get; init; }

    /// <summary>Number of connections that got through the handshake.</summary>
    public required int Connections { get; init; }

    /// <summary>Time from the first hook to the end.</summary>
    public required TimeSpan Duration { get; init; }

    /// <summary>Events sent, by kind; kinds that were not sent are absent.</summary>
    public required IReadOnlyDictionary<EventKind, long> Events { get; init; }

    /// <summary>Event replies applied, by action; actions that were not used are absent.</summary>
    public required IReadOnlyDictionary<EventAction, long> Replies { get; init; }

    /// <summary>Commands received, by name; unknown ids as <c>#ID</c>.</summary>
    public required IReadOnlyDictionary<string, long> Commands { get; init; }

    /// <summary>Command replies that carried an error, by name of the command.</summary>
    public required IReadOnlyDictionary<string, long> CommandErrors { get; init; }

    /// <summary>Faults of the scenario that happened, by their names in scenario files; those that did not are absent.</summary>
    public IReadOnlyDictionary<string, long> Faults { get; init; } = ReadOnlyDictionary<string, long>.Empty;

    /// <summary>Sum of <see cref="Events"/>.</summary>
    public long EventCount => Events.Values.Sum();

    /// <summary>Sum of <see cref="Replies"/>.</summary>
    public long ReplyCount => Replies.Values.Sum();

    /// <summary>
    /// What became of the guest, by name, in the order of the scenario: for example <c>lstar</c> = <c>kept</c>. Empty for
    /// scenarios that write nothing down.
    /// </summary>
    public required IReadOnlyList<Consequence> Consequences { get; init; }
}
