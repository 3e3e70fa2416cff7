using Kvmi.Simulator.Kernel;
using Kvmi.Simulator.Machine;

namespace Kvmi.Simulator.Scenarios;

/// <summary>The guest of a simulation as its runner sees it: what the vCPUs do, and when they are done.</summary>
internal interface IScenarioGuest : IGuestDriver
{
    /// <summary>The machine that the guest runs on.</summary>
    IMachine Machine { get; }

    /// <summary>Ends when every step ended on every vCPU, or with the reason when that cannot happen any more.</summary>
    Task<GuestEnd> Ended { get; }

    /// <summary>Time stamp of the end; 0 before it.</summary>
    long EndedAt { get; }

    /// <summary>Lets the steps start; until then the guest boots and idles.</summary>
    void Open();

    /// <summary>Keeps every vCPU out of the guest from now on; commands and the events that they ask for still work.</summary>
    void Freeze();

    /// <summary>
    /// Called with the number of a row of actions (<see cref="Scenario.ActionRows"/>), from 0, when every vCPU has come to it. A vCPU thread; must
    /// not block.
    /// </summary>
    Action<int>? ActionDue { get; set; }

    /// <summary>Lets the vCPUs go on behind a row of actions.</summary>
    /// <param name="number">Its number.</param>
    void Pass(int number);

    /// <summary>Gives the threads that have to be woken when a halted vCPU has something to do.</summary>
    void Attach(KernelContext context);

    /// <summary>Reads from the guest what became of it. Only when no vCPU runs.</summary>
    IReadOnlyList<Consequence> ReadConsequences();
}
