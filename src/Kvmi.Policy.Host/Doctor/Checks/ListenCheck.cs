using Kvmi.Policy.Host.Doctor.Facts;
using Kvmi.Session.Endpoints;

namespace Kvmi.Policy.Host.Doctor.Checks;

/// <summary>Can the tool listen where it is told to, and can nobody else get in the way?</summary>
internal sealed class ListenCheck : IDoctorCheck
{
    /// <summary>Name of the check.</summary>
    public const string Name = "listen";

    public IEnumerable<DoctorFinding> Run(DoctorContext context)
    {
        foreach (var endpoint in context.Options.Listen)
        {
            if (endpoint.Kind == KvmiEndpointKind.Unix && Directory(context, endpoint.Path!) is { } finding)
            {
                yield return finding;
                if (finding.Status == DoctorStatus.Failure)
                {
                    continue;
                }
            }

            // A wait opens the endpoint itself: a peer that comes at once must not meet a listener that closes again.
            if (context.Options.Wait is null)
            {
                yield return context.System.TryListen(endpoint, context.Options.AllowRemote) is { } problem ? Refused(problem) : Works(context, endpoint);
            }
        }
    }

    /// <summary>The endpoint cannot be opened.</summary>
    public static DoctorFinding Refused(string problem) =>
        new(Name, DoctorStatus.Failure, problem, "Do what the sentence says, or give another --listen.");

    /// <summary>The endpoint can be opened; says who then reaches it.</summary>
    public static DoctorFinding Works(DoctorContext context, KvmiEndpoint endpoint) =>
        new(Name, DoctorStatus.Ok, $"Listening on {endpoint} works.{Reach(context, endpoint)}") { Fields = [new("endpoint", endpoint.ToString())] };

    /// <summary>What is wrong with the directory of the socket: whoever may rename in it can put a socket of his own in our place.</summary>
    private static DoctorFinding? Directory(DoctorContext context, string path)
    {
        var folder = Path.GetDirectoryName(Path.GetFullPath(path)) ?? "/";
        var facts = context.System.FileAt(folder);
        switch (facts.Kind)
        {
            case FileKind.Absent:
                return new DoctorFinding(Name, DoctorStatus.Failure, $"The directory {folder} of the socket does not exist.", $"Create it: install -d -m 0750 {folder}");
            case FileKind.Hidden:
                return new DoctorFinding(Name, DoctorStatus.Failure, $"{context.System.User.Name} may not look into the directories above {path}.",
                    "Give this user the right to search them (x), or choose another path.");
            case not FileKind.Directory:
                return new DoctorFinding(Name, DoctorStatus.Failure, $"{folder} is no directory.", "Choose another path.");
        }

        if (facts.User != 0 && facts.User != context.System.User.Id)
        {
            return new DoctorFinding(Name, DoctorStatus.Warning, $"The directory {folder} belongs to {context.System.NameOf(facts.User)}, who can replace the socket.",
                "Use a directory of root's or of this user's.");
        }

        // Root and this user alone above it too; the server refuses such a socket.
        if (!facts.IsSharedDirectory && context.System.OwnershipFlaw(folder) is { } flaw)
        {
            return new DoctorFinding(Name, DoctorStatus.Warning, $"Other users can take the place of the socket: {flaw}.",
                "Use a directory of its own that only this user can write to: install -d -m 0750 DIR.");
        }

        return facts.IsSharedDirectory
            ? new DoctorFinding(Name, DoctorStatus.Warning, $"Other users can replace the socket: its directory {folder} has mode {facts.ModeText}.",
                $"chmod go-w {folder}, or use a directory that only this user can write to.")
            : null;
    }

    private static string Reach(DoctorContext context, KvmiEndpoint endpoint) => endpoint.Kind switch
    {
        KvmiEndpointKind.Unix => $" The socket has mode 0600: {(context.System.User.IsRoot ? "only root" : $"only {context.System.User.Name} and root")} can connect, so QEMU has to run as that user.",
        KvmiEndpointKind.Tcp => " Every user of this machine can connect; prefer a Unix socket.",
        _ => " Every VM and process of the machine that reaches this vsock port can connect.",
    };
}
