namespace Kvmi.Policy.Engine.Reload;

/// <summary>What a reload does to a policy.</summary>
public enum PolicyChangeKind
{
    /// <summary>It was not live before.</summary>
    Added,

    /// <summary>Its file, its code, a plugin of it or its values are others.</summary>
    Changed,

    /// <summary>It is not live any more.</summary>
    Removed,
}
