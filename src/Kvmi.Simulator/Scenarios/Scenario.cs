using Kvmi.Simulator.DeviceManager;
using Kvmi.Simulator.Transport.Faults;

namespace Kvmi.Simulator.Scenarios;

/// <summary>What a simulated guest is and does. Immutable.</summary>
internal sealed record Scenario
{
    /// <summary>Name of the scenario.</summary>
    public required string Title { get; init; }

    /// <summary>Number of vCPUs.</summary>
    public int Vcpus { get; init; } = 2;

    /// <summary>Seed of the guest's random choices.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Form of the hello; null: the one of the dialect's device manager.</summary>
    public HelloForm? Hello { get; init; }

    /// <summary>Name of the guest in the hello.</summary>
    public string Name { get; init; } = "model-guest";

    /// <summary>UUID of the guest in the hello.</summary>
    public Guid Uuid { get; init; } = new("4b564d49-0000-4000-8000-6d6f64656c31");

    /// <summary>Time without a message after which a tool that has armed something counts as ready.</summary>
    public TimeSpan Settle { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Longest wait for the tool to get ready; then the steps start anyway.</summary>
    public TimeSpan MaxWait { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Most events per second, all vCPUs together; null: as fast as the tool answers.</summary>
    public int? Pace { get; init; }

    /// <summary>Pause before the device manager connects again after the connection ended; null: it does not.</summary>
    public TimeSpan? Reconnect { get; init; }

    /// <summary>What goes wrong on purpose on the way to the tool.</summary>
    public IReadOnlyList<FaultRule> Faults { get; init; } = [];

    /// <summary>The steps; each vCPU takes those that concern it, in this order, on its own.</summary>
    public required IReadOnlyList<ScenarioStep> Steps { get; init; }

    /// <summary>What is done to the VM: one list for each place between the programs, in order.</summary>
    public IReadOnlyList<IReadOnlyList<VmAction>> ActionRows
    {
        get
        {
            var rows = new List<List<VmAction>>();
            var last = default(ScenarioStep);
            foreach (var step in Steps)
            {
                if (step.Action is { } action)
                {
                    if (last?.Action is null)
                    {
                        rows.Add([]);
                    }

                    rows[^1].Add(action);
                }

                last = step;
            }

            return rows;
        }
    }

    /// <summary>True when a step has no end, so that only a limit, the caller or the tool ends the scenario.</summary>
    public bool IsEndless => Steps.Any(step => step.Repeat == 0);
}
