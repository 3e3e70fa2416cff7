using Kvmi.Simulator.DeviceManager;

namespace Kvmi.Simulator.Scenarios;

/// <summary>One step: a guest program, where and how often.</summary>
/// <param name="Program">Name of the program.</param>
/// <param name="Vcpu">On which vCPU; null: on each.</param>
/// <param name="Repeat">How often, 1 and more; 0: until the simulation is stopped.</param>
internal sealed record ScenarioStep(string Program, int? Vcpu, long Repeat)
{
    /// <summary>Makes a step that is no program but something that is done to the VM when every vCPU has come to it.</summary>
    public ScenarioStep(VmAction action)
        : this(string.Empty, null, 1) => Action = action;

    /// <summary>What is done to the VM; null for a program.</summary>
    public VmAction? Action { get; }
}
