namespace Kvmi.Policy.Host.Running;

/// <summary>How changed policies go live.</summary>
internal sealed record ReloadSettings
{
    /// <summary>Their tests are run first, and a failing one refuses the reload.</summary>
    public bool RunsTests { get; init; } = true;

    /// <summary>They run as shadow until they are promoted.</summary>
    public bool AsShadow { get; init; }
}
