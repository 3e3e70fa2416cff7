namespace Kvmi.Policy.Host.Doctor;

/// <summary>One check of the machine. A new one is one file in Checks and one line in <see cref="DoctorRun"/>.</summary>
internal interface IDoctorCheck
{
    /// <summary>Looks; gives nothing where it does not apply.</summary>
    IEnumerable<DoctorFinding> Run(DoctorContext context);
}
