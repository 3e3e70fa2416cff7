namespace Kvmi.Policy.Host.Doctor.Checks;

/// <summary>Is this a system that the product runs on?</summary>
internal sealed class PlatformCheck : IDoctorCheck
{
    private const string Name = "platform";

    public IEnumerable<DoctorFinding> Run(DoctorContext context)
    {
        var platform = context.System.Platform;
        yield return platform.IsSupported
            ? new DoctorFinding(Name, DoctorStatus.Ok, $"Linux {platform.Kernel} on x86-64.") { Fields = [new("kernel", platform.Kernel)] }
            : new DoctorFinding(Name, DoctorStatus.Failure, $"This is {platform.Description}.", "Use Linux on x86-64; nothing else is supported.");
    }
}
