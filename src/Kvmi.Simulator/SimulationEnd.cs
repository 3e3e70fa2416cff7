namespace Kvmi.Simulator;

/// <summary>What ended a simulation.</summary>
public enum SimulationEnd
{
    /// <summary>Every step of the scenario ended on every vCPU.</summary>
    Completed = 0,

    /// <summary><see cref="SimulatorOptions.MaxEvents"/> or <see cref="SimulatorOptions.MaxDuration"/> was reached.</summary>
    Limit = 1,

    /// <summary>The caller cancelled.</summary>
    Cancelled = 2,

    /// <summary>The tool closed the connection before the scenario ended, or sent what the kernel answers with a close.</summary>
    Disconnected = 3,

    /// <summary>The tool answered an event with CRASH: the guest is gone.</summary>
    Crashed = 4,

    /// <summary>No tool could be reached, or the handshake did not succeed.</summary>
    NotConnected = 5,

    /// <summary>The simulator or its guest failed; the reason says how.</summary>
    Failed = 6,

    /// <summary>The tool closed the connection in order, and the scenario has no end of its own.</summary>
    ClosedByTool = 7,

    /// <summary>The guest was shut down (<see cref="SimulationControl.ShutDownAsync"/>, or a step of the scenario).</summary>
    ShutDown = 8,

    /// <summary>A fault that the scenario asks for ended the connection, or let the tool end it.</summary>
    BrokenByFault = 9,
}
