using System.Globalization;

namespace Kvmi.Policy.Host.Doctor.Checks;

/// <summary>As whom does the tool run, and who can then connect to it?</summary>
internal sealed class UserCheck : IDoctorCheck
{
    private const string Name = "user";

    public IEnumerable<DoctorFinding> Run(DoctorContext context)
    {
        var user = context.System.User;
        var found = string.Create(CultureInfo.InvariantCulture, $"Running as {user.Name} (user id {user.Id}).");
        yield return (user.IsRoot
            ? new DoctorFinding(Name, DoctorStatus.Note, found,
                "Policies and plugins are code in this process: prefer a user of its own, the one that QEMU runs as.")
            : new DoctorFinding(Name, DoctorStatus.Ok, found)) with
        {
            Fields = [new("user", user.Name), new("userId", (long)user.Id)],
        };
    }
}
