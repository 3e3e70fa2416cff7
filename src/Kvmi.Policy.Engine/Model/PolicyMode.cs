namespace Kvmi.Policy.Engine.Model;

/// <summary>Whether a policy's votes count.</summary>
public enum PolicyMode
{
    /// <summary>Votes are reported as "would have"; the guest is not touched.</summary>
    Audit,

    /// <summary>Votes are ranked and carried out.</summary>
    Enforce,
}
