namespace Kvmi.Simulator;

/// <summary>How the tool took it that the device manager wanted to end the introspection (kvmi-later-dialects.md 2.4).</summary>
public enum UnhookOutcome
{
    /// <summary>Nothing was hooked, so there was nobody to ask.</summary>
    NotHooked = 0,

    /// <summary>The tool got the UNHOOK event and closed the connection in time.</summary>
    ToolClosed = 1,

    /// <summary>The tool got the UNHOOK event and did not close within <see cref="SimulatorOptions.UnhookPatience"/>; it was cut off.</summary>
    TimedOut = 2,

    /// <summary>The tool had not switched the UNHOOK event on, or the action does not ask: it was cut off without notice.</summary>
    CutOff = 3,

    /// <summary>The simulation was over before the action could be carried out.</summary>
    NotDone = 4,
}
