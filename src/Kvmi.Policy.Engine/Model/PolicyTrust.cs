namespace Kvmi.Policy.Engine.Model;

/// <summary>Where a policy's code runs.</summary>
public enum PolicyTrust
{
    /// <summary>In the host process.</summary>
    Trusted,

    /// <summary>In a confined worker process, one for each VM.</summary>
    Untrusted,
}
