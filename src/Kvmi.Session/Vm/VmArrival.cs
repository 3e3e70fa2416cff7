namespace Kvmi.Session.Vm;

/// <summary>How the connection of a VM relates to earlier ones of the same VM (same UUID and name) at this server.</summary>
public enum VmArrival
{
    /// <summary>The server has not seen the VM before, or long ago.</summary>
    First,

    /// <summary>It was here before and has been running since, as far as its start time tells: nothing that the tool had set is left.</summary>
    Again,

    /// <summary>It was here before with another start time: the guest was reset or started anew (kvmi-later-dialects.md 2.2).</summary>
    AfterReset,
}
