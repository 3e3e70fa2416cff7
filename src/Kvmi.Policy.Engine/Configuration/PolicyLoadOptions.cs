using Kvmi.Policy.Engine.Configuration.Site;
using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Trust;

namespace Kvmi.Policy.Engine.Configuration;

/// <summary>
/// What the host says about loading.
/// </summary>
public sealed record PolicyLoadOptions
{
    /// <summary>From disk, with the system's clock, nothing overridden.</summary>
    public static PolicyLoadOptions Default { get; } = new();

    /// <summary>Mode for every policy; null takes the site's, else the file's.</summary>
    public PolicyMode? Mode { get; init; }

    /// <summary>True: every policy is untrusted, whatever its file says.</summary>
    public bool Untrusted { get; init; }

    /// <summary>What the site says about policies and VMs. Parameter values replace the defaults; <see cref="Mode"/> stands above its modes.</summary>
    public SiteSettings Site { get; init; } = SiteSettings.None;

    /// <summary>
    /// True: only some of the site's policies are loaded, as in a test of one folder. What the site says about a policy that is not
    /// there is then a warning; otherwise it is an error, for a misspelt id would leave a policy as it ships.
    /// </summary>
    public bool PartialSet { get; init; }

    /// <summary>Parameter values of one test, by name. They replace the site's.</summary>
    public IReadOnlyDictionary<string, object> TestParameters { get; init; } = new Dictionary<string, object>();

    /// <summary>
    /// True: a required parameter without a value is a warning. The result then cannot run
    /// (<see cref="PolicyDefinition.MissingParameters"/> is not empty); validation and the test runner's first look use this.
    /// </summary>
    public bool AllowMissingParameters { get; init; }

    /// <summary>True: a policy of status experimental may load in enforce mode.</summary>
    public bool AllowExperimentalEnforce { get; init; }

    /// <summary>Clock for the expiry of exceptions.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    /// <summary>Who may be able to change policy files and scripts; null: not checked.</summary>
    public FileOwnership? Ownership { get; init; }

    /// <summary>Where files come from.</summary>
    public IPolicyFileSource Files { get; init; } = DiskPolicyFileSource.Instance;
}
