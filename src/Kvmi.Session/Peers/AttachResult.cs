namespace Kvmi.Session.Peers;

/// <summary>What became of the wish to attach a VM.</summary>
internal enum AttachResult
{
    /// <summary>It is attached.</summary>
    Attached,

    /// <summary>As many VMs as allowed are attached already.</summary>
    TooMany,

    /// <summary>An older connection of the same VM is attached.</summary>
    OlderConnection,
}
