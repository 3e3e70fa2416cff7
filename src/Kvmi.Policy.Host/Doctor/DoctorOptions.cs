using Kvmi.Protocol;
using Kvmi.Session;
using Kvmi.Session.Endpoints;

namespace Kvmi.Policy.Host.Doctor;

/// <summary>What doctor was asked to look at.</summary>
internal sealed record DoctorOptions
{
    /// <summary>Where <c>run</c> is to listen.</summary>
    public IReadOnlyList<KvmiEndpoint> Listen { get; init; } = [];

    /// <summary>Where a tool should be listening already.</summary>
    public IReadOnlyList<KvmiEndpoint> Connect { get; init; } = [];

    /// <summary>Plugin and policy directories whose owners are looked at.</summary>
    public IReadOnlyList<string> Files { get; init; } = [];

    /// <summary>Adds who may connect to the options of a server.</summary>
    public Func<KvmiServerOptions, KvmiServerOptions> Peers { get; init; } = options => options;

    /// <summary>How long to wait for a device manager; null not to wait.</summary>
    public TimeSpan? Wait { get; init; }

    /// <summary>File with the shared secret; may be null.</summary>
    public string? CookieFile { get; init; }

    /// <summary>The dialect of the peer; null to detect it.</summary>
    public KvmiDialect? Dialect { get; init; }

    /// <summary>Listen on addresses that other machines reach.</summary>
    public bool AllowRemote { get; init; }
}
