using Kvmi.Policy.Host.Doctor.Facts;
using Kvmi.Session.Endpoints;

namespace Kvmi.Policy.Host.Doctor.Checks;

/// <summary>Is there vsock, for a tool that sits in a VM of its own?</summary>
internal sealed class VsockCheck : IDoctorCheck
{
    private const string Name = "vsock";

    public IEnumerable<DoctorFinding> Run(DoctorContext context)
    {
        if (!context.System.Platform.IsSupported)
        {
            yield break;
        }

        var guest = context.System.FileAt("/dev/vsock").Kind != FileKind.Absent;
        var host = context.System.FileAt("/dev/vhost-vsock").Kind != FileKind.Absent;
        var wanted = context.Options.Listen.Any(endpoint => endpoint.Kind == KvmiEndpointKind.Vsock);
        yield return (guest, host) switch
        {
            (true, _) => new DoctorFinding(Name, DoctorStatus.Ok, $"This machine has vsock{(host ? ", also for guests of its own" : "")}."),
            (false, true) => new DoctorFinding(Name, DoctorStatus.Ok, "This machine offers vsock to its guests."),
            _ => new DoctorFinding(Name, wanted ? DoctorStatus.Warning : DoctorStatus.Note, "This machine has no vsock.",
                "Only a tool in a VM of its own needs it: load vsock there, vhost_vsock on the host."),
        };
    }
}
