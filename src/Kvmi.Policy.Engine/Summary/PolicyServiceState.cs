namespace Kvmi.Policy.Engine.Summary;

/// <summary>Whether a policy serves on a VM.</summary>
public enum PolicyServiceState
{
    /// <summary>Events reach it.</summary>
    InService,

    /// <summary>It was taken out of service after too many errors, or because its code does not return. The next reload tries it again.</summary>
    Quarantined,

    /// <summary>It was refused when its generation was taken over.</summary>
    Refused,
}
