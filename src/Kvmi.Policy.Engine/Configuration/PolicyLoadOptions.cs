using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Trust;

namespace Kvmi.Policy.Engine.Configuration;

/// <summary>
/// What the host says about loading. Raw parameter values are plain data, as <see cref="PolicyTest.Parameters"/> holds them:
/// bool, int, long, ulong, string, a list of those, or a dictionary with the keys from and to.
/// </summary>
public sealed record PolicyLoadOptions
{
    /// <summary>From disk, with the system's clock, nothing overridden.</summary>
    public static PolicyLoadOptions Default { get; } = new();

    /// <summary>Mode for every policy; null takes the file's.</summary>
    public PolicyMode? Mode { get; init; }

    /// <summary>True: every policy is untrusted, whatever its file says.</summary>
    public bool Untrusted { get; init; }

    /// <summary>Parameter values of the site, by policy id, then by parameter name. They replace the defaults.</summary>
    public IReadOnlyDictionary<string, IReadOnlyDictionary<string, object>> ParameterOverrides { get; init; } =
        new Dictionary<string, IReadOnlyDictionary<string, object>>();

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
