using Kvmi.Policy.Host.Doctor.Facts;
using Kvmi.Session.Endpoints;

namespace Kvmi.Policy.Host.Doctor;

/// <summary>
/// What the checks see of the machine. Everything that can differ from machine to machine goes through here, so that tests can
/// show every outcome. No member throws for what it finds; a problem is part of the answer.
/// </summary>
internal interface IHostSystem
{
    /// <summary>Whether this is Linux on x86-64, in a phrase: "Linux 6.18 on x86-64".</summary>
    PlatformFacts Platform { get; }

    /// <summary>Who runs the command.</summary>
    UserFacts User { get; }

    /// <summary>The .NET runtime.</summary>
    RuntimeFacts Runtime { get; }

    /// <summary>The KVM of this machine; looked at once.</summary>
    KvmFacts Kvm { get; }

    /// <summary>What lies at a path, links followed.</summary>
    FileFacts FileAt(string path);

    /// <summary>Who can change a file or directory, or put another one in its place; null when only root and this user can, or when it is not there.</summary>
    string? OwnershipFlaw(string path);

    /// <summary>Text of a small file; null when it is not there or may not be read.</summary>
    string? ReadText(string path);

    /// <summary>First and last bytes of a small file; null when it is not there or may not be read.</summary>
    byte[]? ReadBytes(string path, int limit);

    /// <summary>A resource limit of this process.</summary>
    LimitFacts Limit(LimitKind kind);

    /// <summary>Name of a user, or "user 1000" where the machine has none.</summary>
    string NameOf(uint user);

    /// <summary>Opens an endpoint for listening and closes it again.</summary>
    /// <returns>Null when it worked; else one sentence with what to do.</returns>
    string? TryListen(KvmiEndpoint endpoint, bool allowRemote);

    /// <summary>Connects to an endpoint and closes the connection without a byte.</summary>
    /// <returns>Null when it worked; else what was in the way.</returns>
    string? TryConnect(KvmiEndpoint endpoint);
}
