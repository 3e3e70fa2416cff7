using System.Globalization;
using Kvmi.Kvm.Devices;
using Kvmi.Policy.Host.Doctor.Facts;

namespace Kvmi.Policy.Host.Doctor.Checks;

/// <summary>Is there /dev/kvm, may this user open it, does it make a VM?</summary>
internal sealed class KvmCheck : IDoctorCheck
{
    private const string Name = "kvm";

    public IEnumerable<DoctorFinding> Run(DoctorContext context)
    {
        if (!context.System.Platform.IsSupported)
        {
            yield break;
        }

        var kvm = context.System.Kvm;
        if (kvm.OpenProblem is { } problem)
        {
            // The tool itself opens no /dev/kvm; it may sit in another VM than the one that it watches.
            yield return new DoctorFinding(Name, DoctorStatus.Warning, $"{KvmSystem.DefaultPath} cannot be used: {problem}.",
                $"For real VMs on this machine: {kvm.OpenAdvice}. The simulator needs no KVM.");
            yield break;
        }

        yield return Judge(kvm) with { Fields = [new("apiVersion", (long)kvm.ApiVersion), new("modules", string.Join(' ', kvm.Modules))] };
    }

    private static DoctorFinding Judge(KvmFacts kvm)
    {
        if (kvm.ApiVersion != KvmSystem.ExpectedApiVersion)
        {
            return new DoctorFinding(Name, DoctorStatus.Failure,
                string.Create(CultureInfo.InvariantCulture, $"{KvmSystem.DefaultPath} has version {kvm.ApiVersion} of the KVM interface; there is only {KvmSystem.ExpectedApiVersion}."),
                "See that the device is really KVM.");
        }

        if (kvm.VmProblem is { } refused)
        {
            return new DoctorFinding(Name, DoctorStatus.Warning, $"{KvmSystem.DefaultPath} opens, but no VM can be made: {refused}",
                "For real VMs on this machine KVM must be able to make one; the simulator needs no KVM.");
        }

        var modules = kvm.Modules.Count == 0 ? "built into the kernel" : string.Join(", ", kvm.Modules);
        return new DoctorFinding(Name, DoctorStatus.Ok,
            string.Create(CultureInfo.InvariantCulture, $"{KvmSystem.DefaultPath} opens, has version {kvm.ApiVersion} and makes VMs ({modules})."));
    }
}
