namespace Kvmi.Policy.Engine.Model;

/// <summary>The one switch over all policies on all VMs.</summary>
public enum MasterMode
{
    /// <summary>Every policy is in the mode that its file, or the loader's override, says.</summary>
    AsWritten,

    /// <summary>
    /// Every policy is in audit mode: votes are reported and none is carried out, errors and time-outs let the event pass, and what
    /// policies wrote into guest memory is taken back. Traps and page rights stay, for the policies go on watching.
    /// </summary>
    Audit,

    /// <summary>No policy is in service: everything is given back, and every event goes on as if nobody watched.</summary>
    Off,
}
