using Kvmi.Policy.Host.Doctor.Facts;
using Kvmi.Session.Endpoints;

namespace Kvmi.Policy.Host.Doctor.Checks;

/// <summary>Is a tool reachable where a device manager would connect?</summary>
internal sealed class ConnectCheck : IDoctorCheck
{
    private const string Name = "connect";

    public IEnumerable<DoctorFinding> Run(DoctorContext context)
    {
        foreach (var endpoint in context.Options.Connect)
        {
            yield return Connect(context, endpoint) with { Fields = [new("endpoint", endpoint.ToString())] };
        }
    }

    private static DoctorFinding Connect(DoctorContext context, KvmiEndpoint endpoint)
    {
        if (endpoint.Kind == KvmiEndpointKind.Unix)
        {
            var facts = context.System.FileAt(endpoint.Path!);
            switch (facts.Kind)
            {
                case FileKind.Absent:
                    return new DoctorFinding(Name, DoctorStatus.Failure, $"There is no socket at {endpoint.Path}.",
                        $"Start the tool first: kvmi-policy run --listen {endpoint}");
                case FileKind.Hidden:
                    return new DoctorFinding(Name, DoctorStatus.Failure, $"{context.System.User.Name} may not look at {endpoint.Path}.",
                        "Run QEMU, and this command, as the user that the tool runs as.");
                case not FileKind.Socket:
                    return new DoctorFinding(Name, DoctorStatus.Failure, $"{endpoint.Path} is no socket.", "Give the path that the tool listens on.");
            }
        }

        return context.System.TryConnect(endpoint) is { } problem
            ? new DoctorFinding(Name, DoctorStatus.Failure, $"Connecting to {endpoint} fails: {problem}.",
                "See that the tool is running, listens exactly there, and runs as the same user.")
            : new DoctorFinding(Name, DoctorStatus.Ok, $"A program listens on {endpoint} and takes connections.");
    }
}
