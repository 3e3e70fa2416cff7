namespace Kvmi.Simulator.DeviceManager;

/// <summary>What can be asked of the device manager; all but the last are what an administrator types (kvmi-later-dialects.md 2.4).</summary>
internal enum VmAction
{
    /// <summary>The VM stands still: pre-unhook, wait for the tool, unhook. No reconnection until <see cref="Continue"/>.</summary>
    Stop = 0,

    /// <summary>The VM goes on and connects anew.</summary>
    Continue = 1,

    /// <summary>Live migration: pre-unhook as for <see cref="Stop"/>, then the other host goes on and connects.</summary>
    Migrate = 2,

    /// <summary>A snapshot with memory: as <see cref="Migrate"/>, on the same host.</summary>
    Snapshot = 3,

    /// <summary>The guest is reset: cut off at once, a new start time, connects anew.</summary>
    Reset = 4,

    /// <summary>The guest is shut down: cut off at once; the end.</summary>
    Shutdown = 5,

    /// <summary>The simulation ends: the guest stands still, then as <see cref="Stop"/>.</summary>
    End = 6,
}
