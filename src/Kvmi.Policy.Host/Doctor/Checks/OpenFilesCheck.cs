using Kvmi.Policy.Host.Doctor.Facts;

namespace Kvmi.Policy.Host.Doctor.Checks;

/// <summary>May the tool open enough files for its VMs, policies and plugins?</summary>
internal sealed class OpenFilesCheck : IDoctorCheck
{
    private const string Name = "open-files";
    private const ulong Enough = 1024;

    public IEnumerable<DoctorFinding> Run(DoctorContext context)
    {
        var limit = context.System.Limit(LimitKind.OpenFiles);
        yield return (limit.Soft >= Enough
            ? new DoctorFinding(Name, DoctorStatus.Ok, $"{LimitFacts.Text(limit.Soft)} files may be open.")
            : new DoctorFinding(Name, DoctorStatus.Warning, $"Only {LimitFacts.Text(limit.Soft)} files may be open; with many VMs or plugins that is not enough.",
                $"Raise it: ulimit -n {Enough} (the hard limit is {LimitFacts.Text(limit.Hard)})."))
            with
        {
            Fields = [new("limit", LimitFacts.Text(limit.Soft)), new("hardLimit", LimitFacts.Text(limit.Hard))],
        };
    }
}
