using Kvmi.Policy.Host.Doctor.Facts;

namespace Kvmi.Policy.Host.Doctor.Checks;

/// <summary>May the tool's threads run at real-time priority? Without it a busy machine delays answers to waiting vCPUs.</summary>
internal sealed class RealTimeCheck : IDoctorCheck
{
    private const string Name = "realtime";

    public IEnumerable<DoctorFinding> Run(DoctorContext context)
    {
        var limit = context.System.Limit(LimitKind.RealTimePriority);
        var privileged = context.System.User.Has(UserFacts.Nice);
        yield return (privileged || limit.Soft > 0
            ? new DoctorFinding(Name, DoctorStatus.Ok, privileged ? "Real-time priority is permitted (CAP_SYS_NICE)." : $"Real-time priority is permitted up to {LimitFacts.Text(limit.Soft)}.")
            : new DoctorFinding(Name, DoctorStatus.Note, "Real-time priority is not permitted; on a busy machine vCPUs wait longer for their answers.",
                "Nothing has to be done; for steady answers give this user an rtprio limit (LimitRTPRIO= in a systemd unit)."))
            with
        {
            Fields = [new("limit", LimitFacts.Text(limit.Soft)), new("privileged", privileged)],
        };
    }
}
